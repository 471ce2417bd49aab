-- What is stored of these resources; locked in one order, so that two writers of the same ones wait and never deadlock.
select key, num, version, deleted, digest, case when key = any(%(merged)s::uuid[]) then body end as body
from fhir.resource
where key = any(%(keys)s::uuid[])
order by key
for update
