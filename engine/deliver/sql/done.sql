-- Notes deliveries: off the queue, with the receipt. Rows are counted only while this owner holds the destination's lease.
with taken as (
    delete from journal.outbox using journal.lease
    where outbox.seq = any(%(seqs)s::int8[]) and lease.name = %(lease)s and lease.owner = %(owner)s
    returning outbox.seq, outbox.attempts, outbox.destination
)
insert into journal.delivery (seq, at, attempts, destination, receipt)
select taken.seq, now(), taken.attempts + 1, taken.destination, given.receipt::json
from taken join unnest(%(seqs)s::int8[], %(receipts)s::text[]) as given (seq, receipt) using (seq)
returning seq
