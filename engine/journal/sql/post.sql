-- Writes parcels and queues them; one that is known by (destination, idem) leaves again only with other bytes, and then as a new
-- place in the queue: what is still on its way of it is replaced.
with given as materialized (
    select * from unnest(
        %(messages)b::uuid[], %(destinations)b::text[], %(idems)b::text[], %(keys)b::text[], %(hashes)b::int8[], %(types)b::text[],
        %(metas)b::text[], %(bodies)b::bytea[]
    ) with ordinality as parcel (message, destination, idem, key, hash, content_type, meta, body, place)
),
numbered as materialized (
    select *, nextval('journal.parcel_seq') as seq from (select * from given order by place) ordered
),
earlier as materialized (
    select parcel.seq from journal.parcel join numbered using (destination, idem) where parcel.body <> numbered.body
),
written as (
    insert into journal.parcel as parcel (seq, at, message, destination, idem, key, content_type, meta, body)
    select seq, now(), message, destination, idem, key, content_type, meta::json, body from numbered order by place
    on conflict (destination, idem) do update set
        seq = excluded.seq, at = excluded.at, message = excluded.message, key = excluded.key,
        content_type = excluded.content_type, meta = excluded.meta, body = excluded.body
        where parcel.body <> excluded.body
    returning seq
),
replaced as (
    delete from journal.outbox using earlier where outbox.seq = earlier.seq
),
buried as (
    delete from journal.dead using earlier where dead.seq = earlier.seq
),
queued as (
    insert into journal.outbox (seq, key, destination)
    select seq, hash, destination from numbered join written using (seq)
    returning 1
)
select count(*) from queued
