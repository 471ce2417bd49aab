-- What changed in a type or in all, newest first, after a place; with `first`, only versions that were the newest one at some time
-- since. Each type is asked by itself, because its index is in this order.
select found.type, found.id, found.version, found.updated, found.deleted, found.body, found.key
from (select code from fhir.type where %(type)s::int2 is null or code = %(type)s::int2) asked
cross join lateral (
    (
        select type, id, version, updated, deleted, body, key
        from fhir.resource
        where type = asked.code and updated >= %(since)s and updated <= %(last)s and updated <= %(until)s
            and (updated < %(until)s or (key, version) < (%(key)s, %(version)s))
        order by updated desc, key desc, version desc
        limit %(limit)s
    )
    union all
    (
        select type, id, version, updated, deleted, body, key
        from fhir.history
        where type = asked.code and updated >= %(since)s and updated <= %(last)s and updated <= %(until)s
            and (updated < %(until)s or (key, version) < (%(key)s, %(version)s))
            and (
                %(first)s::timestamptz is null
                or %(first)s < coalesce(
                    (select later.updated from fhir.history later where later.key = history.key and later.version = history.version + 1),
                    (select newest.updated from fhir.resource newest where newest.key = history.key)
                )
            )
        order by updated desc, key desc, version desc
        limit %(limit)s
    )
) found
order by found.updated desc, found.key desc, found.version desc
limit %(limit)s
