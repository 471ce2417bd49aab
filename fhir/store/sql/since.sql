-- Current resources of a type that are about a time since a moment; those that tell no time, written since.
select body, updated from fhir.resource
where type = %(type)s and not deleted and case when high is null then updated >= %(since)s else high >= %(micros)s end
