-- The newest resource of a type.
select body from fhir.resource where type = %(type)s and not deleted order by num desc limit 1
