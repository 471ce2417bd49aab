-- Which of these Subscriptions have been told nothing for as long as their heartbeat takes, and have nothing on its way.
select held.num, held.events
from fhir.subscription held join unnest(%(nums)s::int8[], %(periods)s::float8[]) as given (num, period) using (num)
where held.state = 'active' and held.told <= now() - given.period * interval '1 second'
    and not exists (
        select from journal.outbox join journal.parcel using (seq)
        where outbox.destination = 'subscriptions' and parcel.key = held.num::text
    )
for update of held
