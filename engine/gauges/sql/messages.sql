-- Where each channel's messages stand, each counted once and by what is really there.
with each as (
    select message.channel,
        case
            when exists (select from journal.held where held.id = message.id) then 'held'
            when exists (select from journal.pending where pending.id = message.id) then 'waiting'
            else (
                select event.state from journal.message_event event
                where event.id = message.id and event.state in ('processed', 'filtered')
                order by event.seq desc, event.attempt desc, event.at desc limit 1
            )
        end as state
    from journal.message
    where message.id >= %(first)s and message.id < %(last)s
)
select channel, count(*), count(*) filter (where state = 'filtered'), count(*) filter (where state = 'held'),
    count(*) filter (where state = 'processed'), count(*) filter (where state = 'waiting'), count(*) filter (where state is null)
from each group by channel order by channel
