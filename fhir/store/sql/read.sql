-- The newest version of a resource, deleted ones too.
select version, updated, deleted, body from fhir.resource where key = %s
