-- Makes arrivals durable in one statement: duplicates are known by (source, digest), the rest is stored and queued.
with incoming as materialized (
    select *
    from unnest(
        %(ids)b::uuid[], %(channels)b::text[], %(formats)b::text[], %(types)b::text[], %(senders)b::text[],
        %(control_ids)b::text[], %(keys)b::text[], %(peers)b::text[], %(bodies)b::bytea[], %(digests)b::bytea[],
        %(received)b::timestamptz[], %(hashes)b::int8[], %(sources)b::int8[], %(marks)b::int8[],
        %(reused)b::bool[], %(faults)b::text[], %(codes)b::text[]
    ) with ordinality as given (
        id, channel, format, type, sender, control_id, key, peer, body, digest, received, hash, source, mark, reused, faults,
        code, place
    )
),
known as (
    insert into journal.seen as seen (source, digest, id)
    select source, mark, id from incoming where source is not null order by source, mark
    on conflict (source, digest) do update set id = seen.id
    returning source, digest, id
),
fresh as materialized (
    select incoming.*, nextval('journal.seq') as seq,
        (reused or (incoming.source is not null and exists (
            select from journal.seen other where other.source = incoming.source and other.digest <> incoming.mark
        ))) as again
    from incoming left join known on known.source = incoming.source and known.digest = incoming.mark
    where incoming.source is null or known.id = incoming.id
    order by place
),
stored as (
    insert into journal.message (
        seq, received, id, digest, flags, channel, format, type, sender, control_id, key, peer, body
    )
    select seq, received, id, digest, again::int + 2 * ((hash & 63) >= 56)::int, channel, format, type, sender, control_id, key, peer, body from fresh
),
queued as (
    insert into journal.pending (seq, key, id, lane)
    select seq, hash, id, hash & 63 from fresh where faults is null
),
kept as (
    insert into journal.held (seq, since, id, channel, code)
    select seq, now(), id, channel, code from fresh where faults is not null
),
told as (
    insert into journal.message_event (at, seq, id, attempt, state, plan, faults)
    select now(), seq, id, 0, 'held', '', faults::json from fresh where faults is not null
)
select incoming.place, coalesce(known.id, incoming.id), coalesce(fresh.again, false)
from incoming
left join known on known.source = incoming.source and known.digest = incoming.mark
left join fresh on fresh.place = incoming.place
order by incoming.place
