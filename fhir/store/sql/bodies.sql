-- Bodies to compare with new ones whose text differs.
select key, body from fhir.resource where key = any(%(keys)s)
