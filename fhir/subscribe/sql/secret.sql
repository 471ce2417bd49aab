-- A secret of the server's own, made by whoever asks first.
with made as (
    insert into fhir.secret (name, value) values (%(name)s, %(fresh)s) on conflict (name) do nothing returning value
)
select value from made union all select value from fhir.secret where name = %(name)s limit 1
