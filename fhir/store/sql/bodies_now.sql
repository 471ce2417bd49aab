-- Current bodies by key.
select key, body from fhir.resource where key = any(%(keys)s) and not deleted
