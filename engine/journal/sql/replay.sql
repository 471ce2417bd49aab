-- Queues messages again, behind what waits, in the order given; one that stopped its key goes on where it stands.
with asked as materialized (
    select * from unnest(%(ids)s::uuid[], %(hashes)s::int8[]) with ordinality as asked (id, hash, place)
),
resumed as (
    update journal.pending set stopped = false, not_before = null
    from asked where pending.id = asked.id and pending.stopped
    returning pending.id, pending.seq, pending.attempts
),
given as materialized (
    select id, hash, nextval('journal.seq') as seq
    from (select * from asked where id not in (select id from journal.pending where stopped) order by place) ordered
),
freed as (
    delete from journal.held using asked where held.id = asked.id
),
told as (
    insert into journal.message_event (at, seq, id, attempt, state, plan)
    select now(), seq, id, 0, 'replayed', '' from given union all select now(), seq, id, attempts, 'replayed', '' from resumed
)
insert into journal.pending (seq, key, id, lane) select seq, hash, id, hash & 63 from given
