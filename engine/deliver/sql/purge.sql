-- Deletes, of a page of parcels in their order, those that are older than the border and have been delivered, with their receipts. Told
-- are how many those were, how many of the page are older than the border, and the number behind which the next page begins.
with page as materialized (
    select seq, at from journal.parcel where seq > %(after)s order by seq limit %(limit)s
),
old as materialized (
    select seq from page
    where at < %(border)s
        and not exists (select from journal.outbox where outbox.seq = page.seq)
        and not exists (select from journal.dead where dead.seq = page.seq)
),
receipts as (
    delete from journal.delivery using old where delivery.seq = old.seq
),
gone as (
    delete from journal.parcel using old where parcel.seq = old.seq returning 1
)
select (select count(*) from gone), count(*) filter (where at < %(border)s), max(seq) from page
