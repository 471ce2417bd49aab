-- Notes failed tries that are repeated.
update journal.outbox set attempts = attempts + 1, not_before = now() + given.wait * interval '1 second', fault = given.fault::json
from unnest(%(seqs)b::int8[], %(waits)s::float8[], %(faults)b::text[]) as given (seq, wait, fault), journal.lease
where outbox.seq = given.seq and lease.name = %(lease)s and lease.owner = %(owner)s
returning outbox.seq
