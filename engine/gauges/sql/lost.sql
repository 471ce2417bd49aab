-- Of the newest messages older than half a minute, those that are nowhere: not waiting, not held, not processed, not filtered.
select channel, count(*) filter (
    where not exists (select from journal.pending where pending.id = newest.id)
        and not exists (select from journal.held where held.id = newest.id)
        and not exists (
            select from journal.message_event event where event.id = newest.id and event.state in ('processed', 'filtered', 'held')
        )
)
from (select id, channel from journal.message where id < %(border)s order by id desc limit 5000) newest
group by channel
