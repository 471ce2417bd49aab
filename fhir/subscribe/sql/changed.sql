-- These versions, in the order they are asked for: when they were written, their body, and where it is wanted that of the version before;
-- '' for none.
with asked as (select * from unnest(%(keys)s::uuid[], %(versions)s::int[]) with ordinality as given (key, version, place))
select asked.place, coalesce(newest.updated, past.updated), coalesce(newest.body, past.body, ''), coalesce(before.body, '')
from asked
left join fhir.resource newest on newest.key = asked.key and newest.version = asked.version
left join fhir.history past on past.key = asked.key and past.version = asked.version
left join fhir.history before on before.key = asked.key and before.version = asked.version - 1 and %(before)s
order by asked.place
