-- Gives parcels up: off the queue, kept with the reason.
with taken as (
    delete from journal.outbox using journal.lease
    where outbox.seq = any(%(seqs)s::int8[]) and lease.name = %(lease)s and lease.owner = %(owner)s
    returning outbox.seq, outbox.attempts, outbox.destination
)
insert into journal.dead (seq, since, attempts, destination, code, fault)
select taken.seq, now(), taken.attempts + 1, taken.destination, given.code, given.fault::json
from taken join unnest(%(seqs)s::int8[], %(codes)s::text[], %(faults)s::text[]) as given (seq, code, fault) using (seq)
returning seq
