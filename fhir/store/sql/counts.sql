-- How many resources of each type there are now.
select type, count(*) from fhir.resource where not deleted group by type
