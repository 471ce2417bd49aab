-- Keeps some accesses.
insert into fhir.access (at, interaction, status, type, id, query, peer, patients)
select at, interaction, status, type, id, query, peer, case patients when '' then '{}' else string_to_array(patients, ',') end
from unnest(
    %(ats)s::timestamptz[], %(interactions)s::text[], %(statuses)s::smallint[], %(types)s::text[], %(ids)s::text[],
    %(queries)s::text[], %(peers)s::text[], %(patients)s::text[]
) as given (at, interaction, status, type, id, query, peer, patients)
