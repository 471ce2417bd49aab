-- Held messages by channel.
select channel, count(*) from journal.held group by channel
