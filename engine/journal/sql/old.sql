-- A page of messages in the order of their ids, each with whether it is done with: what waits or is held stays. However many there are
-- and whatever stays, a page reads no more than its rows.
with page as materialized (
    select id, channel, sender, control_id, digest from journal.message
    where id > %(after)s and id < %(border)s
    order by id limit %(limit)s
)
select id, channel, sender, control_id, digest,
    not exists (select from journal.pending where pending.id = page.id)
    and not exists (select from journal.held where held.id = page.id)
    and exists (select from journal.message_event event where event.id = page.id)
from page order by id
