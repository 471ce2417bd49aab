-- Claimed messages that are not in memory.
select id, channel, format, body, received, type, sender, control_id, key, digest
from journal.message where id = any(%(ids)b::uuid[])
