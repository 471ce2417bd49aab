-- Takes the messages off the queue and notes what became of them. A row that is gone, or whose lane now belongs to another
-- process, is not counted: the caller undoes its transaction when the count is short.
with taken as (
    delete from journal.pending using journal.lease
    where pending.seq = any(%(seqs)b::int8[])
        and lease.name = 'lane ' || pending.lane and lease.owner = %(owner)s
    returning pending.seq, pending.id
),
given as materialized (
    select * from unnest(
        %(seqs)b::int8[], %(attempts)b::int4[], %(states)b::text[], %(plans)b::text[], %(faults)b::text[],
        %(resources)b::text[], %(channels)b::text[], %(codes)b::text[]
    ) as outcome (seq, attempt, state, plan, faults, resources, channel, code)
),
told as (
    insert into journal.message_event (at, seq, id, attempt, state, plan, faults, resources)
    select now(), seq, taken.id, attempt, state, plan, faults::json, resources from given join taken using (seq)
),
kept as (
    insert into journal.held (seq, since, id, channel, code)
    select seq, now(), taken.id, channel, code from given join taken using (seq) where state = 'held'
    on conflict (id) do update set seq = excluded.seq, since = excluded.since, code = excluded.code
)
select count(*) from taken
