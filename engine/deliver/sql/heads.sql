-- The first parcels of every key that is not busy, as far as their time has come: keys are stepped through by the index, so that one
-- key's backlog costs the others nothing. Not more bytes at once than `bytes`, but one parcel at least.
with recursive keys as (
    (select key from journal.outbox where destination = %(destination)s order by key limit 1)
    union all
    select (
        select next.key from journal.outbox next where next.destination = %(destination)s and next.key > keys.key order by next.key limit 1
    )
    from keys where keys.key is not null
),
heads as (
    select head.seq, head.key, head.attempts
    from keys cross join lateral (
        select outbox.seq, outbox.key, outbox.attempts, bool_or(
            outbox.not_before > now() and outbox.not_before <= now() + %(longest)s * interval '1 second'
        ) over (order by outbox.seq) as waits
        from (
            select * from journal.outbox first where first.destination = %(destination)s and first.key = keys.key
            order by first.seq limit %(each)s
        ) outbox
    ) head
    where keys.key is not null and keys.key <> all(%(busy)s::int8[]) and head.waits is not true
    order by head.seq
    limit %(limit)s
),
sized as (
    select heads.*, parcel.idem, parcel.key as name, parcel.content_type, parcel.meta, parcel.body,
        sum(octet_length(parcel.body)) over (order by heads.seq) - octet_length(parcel.body) as before
    from heads join journal.parcel using (seq)
)
select seq, key, attempts, idem, name, content_type, meta, body from sized where before < %(bytes)s order by seq
