-- Keeps what was numbered, for those who ask again.
insert into fhir.subscription_event (num, number, at, type, id, version, change)
select * from unnest(
    %(nums)s::int8[], %(numbers)s::int8[], %(ats)s::timestamptz[], %(types)s::int2[], %(ids)s::text[], %(versions)s::int4[],
    %(changes)s::text[]
)
