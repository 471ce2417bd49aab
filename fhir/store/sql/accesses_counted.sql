-- How many accesses there are; null means any.
select count(*)
from fhir.access
where (%(since)s::timestamptz is null or at >= %(since)s) and (%(until)s::timestamptz is null or at <= %(until)s)
    and (%(patient)s::text is null or %(patient)s = any(patients))
    and (%(interactions)s::text[] is null or interaction = any(%(interactions)s))
    and (%(id)s::text is null or (type = %(type)s and id = %(id)s))
