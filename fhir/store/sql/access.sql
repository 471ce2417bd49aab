-- One access.
select num, at, interaction, status, type, id, query, peer, patients from fhir.access where num = %(num)s
