-- The versions that are about to be replaced go to the history; their rows make room for the new ones.
with gone as (
    delete from fhir.resource where key = any(%(keys)s)
    returning key, version, type, id, updated, deleted, body
)
insert into fhir.history (key, version, type, id, updated, deleted, body)
select key, version, type, id, updated, deleted, body from gone
