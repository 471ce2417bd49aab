-- How many versions a resource has.
select (select count(*) from fhir.resource where key = %(key)s) + (select count(*) from fhir.history where key = %(key)s)
