-- Each destination: waiting, retried, oldest, given up, paused.
select destination, sum(waiting)::bigint, sum(retrying)::bigint, min(oldest), sum(given_up)::bigint, bool_or(paused) from (
    select outbox.destination, count(*) as waiting, count(*) filter (where attempts > 0) as retrying,
        (select parcel.at from journal.parcel where parcel.seq = min(outbox.seq)) as oldest, 0 as given_up, false as paused
    from journal.outbox group by outbox.destination
    union all
    select destination, 0, 0, null, count(*), false from journal.dead group by destination
    union all
    select destination, 0, 0, null, 0, true from journal.paused
    union all
    select substr(name, 4), 0, 0, null, 0, false from journal.lease where name like 'to %%'
) told group by destination
