-- The bodies of these versions, in the order they are asked for: the newest, or those that a later write of the same batch replaced.
with asked as (select * from unnest(%(keys)s::uuid[], %(versions)s::int[]) with ordinality as given (key, version, place))
select body from (
    select asked.place, resource.body from asked join fhir.resource using (key, version) where not resource.deleted
    union all
    select asked.place, history.body from asked join fhir.history using (key, version) where not history.deleted
) found
order by place
