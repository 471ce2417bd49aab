-- What changed in a type or in all, newest first. A page ends between two instants: all versions of one belong together.
select type, id, version, updated, deleted, body from (
    select type, id, version, updated, deleted, body from fhir.resource
    union all
    select type, id, version, updated, deleted, body from fhir.history
) held
where (%(type)s::int2 is null or type = %(type)s)
    and updated >= coalesce(%(since)s, '-infinity'::timestamptz)
    and updated < coalesce(%(until)s, 'infinity'::timestamptz)
order by updated desc
fetch first %(limit)s rows with ties
