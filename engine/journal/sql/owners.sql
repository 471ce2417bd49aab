-- Says that this process is there, forgets those that hang or whose session has ended, and counts who shares the leases.
with alive as materialized (
    select objid::bigint::int as owner from pg_locks
    where locktype = 'advisory' and classid = %(class)s and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())
),
here as (
    insert into journal.lease (name, owner, until)
    values ('member ' || %(kind)s || ' ' || %(owner)s, %(owner)s, now() + %(seconds)s * interval '1 second')
    on conflict (name) do update set until = excluded.until
),
gone as (
    delete from journal.lease
    where name like 'member ' || %(kind)s || ' %%' and owner <> %(owner)s
        and (until < now() or owner not in (select owner from alive))
)
select 1 + count(*) from journal.lease
where name like 'member ' || %(kind)s || ' %%' and owner <> %(owner)s and until >= now() and owner in (select owner from alive)
