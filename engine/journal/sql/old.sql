-- A batch of a channel's messages older than the border that are done with: what waits or is held stays.
select message.id, message.sender, message.control_id, message.digest
from journal.message
where message.channel = %(channel)s and message.id < %(border)s
    and not exists (select from journal.pending where pending.id = message.id)
    and not exists (select from journal.held where held.id = message.id)
    and exists (select from journal.message_event event where event.id = message.id)
order by message.id
limit %(limit)s
