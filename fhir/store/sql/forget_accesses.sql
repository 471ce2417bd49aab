-- Deletes some of the accesses that are older than they are kept.
delete from fhir.access where num in (select num from fhir.access where updated < %(before)s order by updated limit %(most)s)
