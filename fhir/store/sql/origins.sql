-- Origins with their targets: some by their numbers, or those of the versions of some resources, newest first.
with times as (
    select updated from fhir.resource where key = any(%(keys)s::uuid[])
    union
    select updated from fhir.history where key = any(%(keys)s::uuid[])
),
found as (
    select * from fhir.origin where num = any(%(nums)s::bigint[])
    union
    select origin.* from fhir.origin join times on origin.at = times.updated where origin.keys && %(keys)s::uuid[]
)
select found.num, found.at, found.message, found.channel, found.type, found.sender, found.control_id, found.plan,
    array_agg(resource.type order by resource.num), array_agg(resource.id order by resource.num)
from found join fhir.resource on resource.key = any(found.keys)
group by found.num, found.at, found.message, found.channel, found.type, found.sender, found.control_id, found.plan
order by found.num desc
limit 200
