-- One access.
select updated, told from fhir.access where num = %(num)s
