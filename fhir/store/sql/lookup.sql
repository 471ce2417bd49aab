-- What is stored of these resources; locked in one order, so that two writers of the same ones wait and never deadlock. Those that stay
-- as they are, because what is to be written is what is stored, are only read: writers of what all share do not wait for each other.
with same as materialized (
    select key, num, version, deleted, resource.digest
    from fhir.resource join unnest(%(known)b::uuid[], %(digests)b::uuid[]) as wanted (key, digest) using (key)
    where resource.digest = wanted.digest and not deleted
),
locked as materialized (
    select key, num, version, deleted, digest, case when key = any(%(merged)b::uuid[]) then body end as body
    from fhir.resource
    where key = any(%(keys)b::uuid[]) and key not in (select key from same)
    order by key
    for update
)
select key, num, version, deleted, digest, true, null from same
union all
select key, num, version, deleted, digest, false, body from locked
