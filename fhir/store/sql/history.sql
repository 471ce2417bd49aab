-- Versions of a resource, newest first, from `before` downwards; of a time only those that were the newest one within it.
select version, updated, deleted, body from (
    select version, updated, deleted, body, lead(updated) over (order by version) as ended from (
        select version, updated, deleted, body from fhir.resource where key = %(key)s
        union all
        select version, updated, deleted, body from fhir.history where key = %(key)s
    ) every_one
) held
where version < %(before)s and updated >= coalesce(%(since)s, '-infinity'::timestamptz)
    and updated <= coalesce(%(last)s, 'infinity'::timestamptz)
    and coalesce(ended, 'infinity'::timestamptz) > coalesce(%(first)s, '-infinity'::timestamptz)
order by version desc
limit %(limit)s
