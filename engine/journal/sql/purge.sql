-- Deletes messages with their history and the marks that know duplicates of them, save one that was queued again meanwhile.
with old as materialized (
    select * from unnest(%(ids)s::uuid[], %(sources)s::int8[], %(marks)s::int8[]) as given (id, source, mark)
    where not exists (select from journal.pending where pending.id = given.id)
        and not exists (select from journal.held where held.id = given.id)
),
unmarked as (
    delete from journal.seen using old where seen.source = old.source and seen.digest = old.mark and seen.id = old.id
),
forgotten as (
    delete from journal.message_event event using old where event.id = old.id
),
gone as (
    delete from journal.message using old where message.id = old.id returning 1
)
select count(*) from gone
