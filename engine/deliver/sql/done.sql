-- Notes what was delivered, with its receipt, and what is given up, with its reason (a code): both leave the queue. Rows are counted only
-- while this owner holds the destination's lease. Told with each is the number of the parcel that now is the first of its key.
with given as materialized (
    select * from unnest(%(seqs)b::int8[], %(receipts)b::text[], %(codes)b::text[]) as given (seq, told, code)
),
taken as (
    delete from journal.outbox using journal.lease
    where outbox.seq = any(%(seqs)b::int8[]) and lease.name = %(lease)s and lease.owner = %(owner)s
    returning outbox.seq, outbox.key, outbox.attempts, outbox.destination
),
delivered as (
    insert into journal.delivery (seq, at, attempts, destination, receipt)
    select taken.seq, now(), taken.attempts + 1, taken.destination, given.told::json
    from taken join given using (seq) where given.code = ''
),
buried as (
    insert into journal.dead (seq, since, attempts, destination, code, fault)
    select taken.seq, now(), taken.attempts + 1, taken.destination, given.code, given.told::json
    from taken join given using (seq) where given.code <> ''
)
select taken.seq, (select min(next.seq) from journal.outbox next where next.key = taken.key and next.seq <> taken.seq) from taken
