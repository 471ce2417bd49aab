-- Queues messages again, behind what waits, in the order given.
with given as materialized (
    select id, hash, nextval('journal.seq') as seq
    from (
        select * from unnest(%(ids)s::uuid[], %(hashes)s::int8[]) with ordinality as asked (id, hash, place) order by place
    ) ordered
),
freed as (
    delete from journal.held using given where held.id = given.id
),
told as (
    insert into journal.message_event (at, seq, id, attempt, state, plan)
    select now(), seq, id, 0, 'replayed', '' from given
)
insert into journal.pending (seq, key, id, lane) select seq, hash, id, hash & 63 from given
