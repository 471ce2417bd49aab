-- Subscriptions as they stand: some by id, some by state, or all.
select held.num, held.id, held.state, held.events, resource.body
from fhir.subscription held join fhir.resource resource on resource.key = held.key
where held.state <> 'gone' and not resource.deleted
    and (%(ids)s::text[] is null or held.id = any(%(ids)s::text[]))
    and (%(states)s::text[] is null or held.state = any(%(states)s::text[]))
order by held.num
limit %(limit)s
