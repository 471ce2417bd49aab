-- Renews this owner's leases and takes those nobody holds: expired ones, and those of an owner whose session has ended.
-- A lease taken from another gets a new epoch.
with alive as materialized (
    select objid::bigint::int as owner from pg_locks
    where locktype = 'advisory' and classid = %(class)s and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())
),
free as (
    select name from journal.lease
    where name like %(kind)s || ' %%' and owner <> %(owner)s
        and (until < now() or not exists (select from alive where alive.owner = lease.owner))
    order by name
    limit greatest(0, %(share)s - (
        select count(*) from journal.lease mine where mine.name like %(kind)s || ' %%' and mine.owner = %(owner)s))
    for update skip locked
)
update journal.lease set
    epoch = epoch + (owner <> %(owner)s)::int,
    owner = %(owner)s,
    until = now() + %(seconds)s * interval '1 second'
where (name like %(kind)s || ' %%' and owner = %(owner)s) or name in (select name from free)
returning name, epoch
