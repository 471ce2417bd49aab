-- Heads, with their bodies: parcels no earlier one of their key waits before. They are looked for among the next `page` of the
-- destination behind `after`, among those whose time to be tried again has come, and among those named. A time further off than any
-- wait can be means that the clock was set back: it has come. Bodies are left out beyond so many bytes, but one comes at least. Each row
-- says whether the destination is paused, how many there were behind `after`, and the last one's number; it may say nothing else.
with page as materialized (
    select seq, key, not_before from journal.outbox
    where destination = %(destination)s and seq > %(after)s
    order by seq limit %(page)s
),
found as materialized (
    select seq, key from page where not_before is null
    union
    (
        select seq, key from journal.outbox
        where destination = %(destination)s and not_before <= now()
        order by not_before limit %(page)s
    )
    union
    (
        select seq, key from journal.outbox
        where destination = %(destination)s and not_before > now() + %(longest)s * interval '1 second'
        order by not_before limit %(page)s
    )
    union
    select seq, key from journal.outbox where seq = any(%(named)b::int8[]) and not_before is null
),
heads as materialized (
    select found.seq, found.key from found
    where found.key <> all(%(busy)b::int8[])
        and found.seq = (select min(first.seq) from journal.outbox first where first.key = found.key)
),
sized as (
    select heads.seq, heads.key, octet_length(parcel.body) as size,
        sum(octet_length(parcel.body)) over (order by heads.seq) - octet_length(parcel.body) < %(bytes)s as fits
    from heads join journal.parcel using (seq)
),
told as (
    select outbox.seq, outbox.key, outbox.attempts, parcel.idem, parcel.key as name, parcel.content_type, parcel.meta,
        case when sized.fits then parcel.body end as body
    from sized join journal.parcel using (seq) join journal.outbox using (seq)
),
state as (
    select exists (select from journal.paused where paused.destination = %(destination)s) as paused, count(*) as many, max(seq) as last
    from page
)
select state.*, told.* from state left join told on not state.paused order by told.seq
