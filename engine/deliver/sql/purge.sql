-- Deletes a batch of parcels that are older than the border and have been delivered, with their receipts.
with old as materialized (
    select parcel.seq from journal.parcel
    where parcel.at < %(border)s
        and not exists (select from journal.outbox where outbox.seq = parcel.seq)
        and not exists (select from journal.dead where dead.seq = parcel.seq)
    order by parcel.seq limit %(limit)s
),
receipts as (
    delete from journal.delivery using old where delivery.seq = old.seq
),
gone as (
    delete from journal.parcel using old where parcel.seq = old.seq returning 1
)
select count(*) from gone
