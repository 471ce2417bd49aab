-- Takes the messages off the queue and notes what became of them; one that stops its key stays at its head instead. A row that is
-- gone, or whose lane now belongs to another process, is not counted: the caller undoes its transaction when the count is short.
with given as materialized (
    select * from unnest(
        %(seqs)b::int8[], %(attempts)b::int8[], %(states)b::text[], %(plans)b::text[], %(faults)b::text[],
        %(resources)b::text[], %(channels)b::text[], %(codes)b::text[], %(stops)b::bool[]
    ) as outcome (seq, attempt, state, plan, faults, resources, channel, code, stop)
),
taken as (
    delete from journal.pending using journal.lease
    where pending.seq = any(%(seqs)b::int8[]) and pending.seq not in (select seq from given where stop)
        and lease.name = case when pending.lane < 56 then 'lane ' else 'slow ' end || pending.lane
        and lease.owner = any(%(owners)s::int4[])
    returning pending.seq, pending.id
),
stopped as (
    update journal.pending set stopped = true, not_before = 'infinity', attempts = given.attempt
    from given, journal.lease
    where pending.seq = given.seq and given.stop and lease.name = case when pending.lane < 56 then 'lane ' else 'slow ' end || pending.lane
        and lease.owner = any(%(owners)s::int4[])
    returning pending.seq, pending.id
),
settled as materialized (
    select * from taken union all select * from stopped
),
told as (
    insert into journal.message_event (at, seq, id, attempt, state, plan, faults, resources)
    select now(), seq, settled.id, attempt, state, plan, faults::json, resources from given join settled using (seq)
),
kept as (
    insert into journal.held (seq, since, id, channel, code)
    select seq, now(), settled.id, channel, code from given join settled using (seq) where state = 'held'
    on conflict (id) do update set seq = excluded.seq, since = excluded.since, code = excluded.code
)
select count(*) from settled
