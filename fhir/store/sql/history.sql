-- Versions of a resource, newest first, from `before` downwards.
select version, updated, deleted, body from (
    select version, updated, deleted, body from fhir.resource where key = %(key)s
    union all
    select version, updated, deleted, body from fhir.history where key = %(key)s
) held
where version < %(before)s and updated >= coalesce(%(since)s, '-infinity'::timestamptz)
order by version desc
limit %(limit)s
