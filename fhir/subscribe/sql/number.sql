-- Counts events of Subscriptions; their rows stay locked until the transaction ends, so numbers have no gaps and go with the commits.
with locked as materialized (
    select num from fhir.subscription where num = any(%(nums)s::int8[]) and state in ('requested', 'active', 'error') order by num for update
)
update fhir.subscription held set events = held.events + given.count, told = now()
from locked join unnest(%(nums)s::int8[], %(counts)s::int8[]) as given (num, count) using (num)
where held.num = locked.num
returning held.num, held.state, held.events
