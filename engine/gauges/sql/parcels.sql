-- Where each destination's parcels stand.
with each as (
    select parcel.destination,
        case
            when exists (select from journal.outbox where outbox.seq = parcel.seq) then 'waiting'
            when exists (select from journal.dead where dead.seq = parcel.seq) then 'rejected'
            when exists (select from journal.delivery where delivery.seq = parcel.seq) then 'accepted'
        end as state
    from journal.parcel
    where (%(since)s::timestamptz is null or parcel.at >= %(since)s) and (%(until)s::timestamptz is null or parcel.at < %(until)s)
)
select destination, count(*), count(*) filter (where state = 'accepted'), count(*) filter (where state = 'rejected'),
    count(*) filter (where state = 'waiting'), count(*) filter (where state is null)
from each group by destination order by destination
