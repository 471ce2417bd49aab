-- How many processes share the journal, by the sessions that hold an owner's lock.
select count(*) from pg_locks
where locktype = 'advisory' and classid = %(class)s and objsubid = 2 and granted
    and database = (select oid from pg_database where datname = current_database())
