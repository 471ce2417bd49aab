-- One version of a resource, the newest or a superseded one.
select version, updated, deleted, body from fhir.resource where key = %(key)s and version = %(version)s
union all
select version, updated, deleted, body from fhir.history where key = %(key)s and version = %(version)s
