-- The Subscriptions that are told of, or will be: number, address of the server, state, and the resource.
select held.num, held.base, held.state, resource.body
from fhir.subscription held join fhir.resource resource on resource.key = held.key
where held.state in ('requested', 'active', 'error') and not resource.deleted
order by held.num
