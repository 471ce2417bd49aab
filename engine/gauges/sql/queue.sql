-- How many messages wait (beyond a point, not exactly), how many stop their key, and the oldest one's id, which knows when it came.
select
    (select count(*) from (select from journal.pending where not stopped limit 100000) counted),
    (select count(*) from journal.pending where stopped),
    (select id from journal.pending where not stopped order by seq limit 1)
