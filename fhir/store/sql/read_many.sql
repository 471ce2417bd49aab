-- The newest versions of some resources, deleted ones too.
select key, version, updated, deleted, body from fhir.resource where key = any(%s)
