-- What a destination is due, in order: nothing behind an earlier parcel of its key that waits for its next try, or whose time has just
-- come but which lies before `after` and is read only when the queue is read from its start; not more bytes at once than `bytes`, but
-- one parcel at least. A time further off than any wait can be means that the clock was set back: it has come.
with heads as (
    select outbox.seq, outbox.key, outbox.attempts
    from journal.outbox
    where outbox.destination = %(destination)s and outbox.seq > %(after)s
        and (outbox.not_before is null or outbox.not_before <= now() or outbox.not_before > now() + %(longest)s * interval '1 second')
        and not exists (
            select from journal.outbox earlier
            where earlier.destination = outbox.destination and earlier.key = outbox.key and earlier.seq < outbox.seq
                and earlier.not_before is not null and (
                    earlier.seq <= %(after)s
                    or (earlier.not_before > now() and earlier.not_before <= now() + %(longest)s * interval '1 second')
                )
        )
    order by outbox.seq
    limit %(limit)s
),
sized as (
    select heads.*, parcel.idem, parcel.key as name, parcel.content_type, parcel.meta, parcel.body,
        sum(octet_length(parcel.body)) over (order by heads.seq) - octet_length(parcel.body) as before
    from heads join journal.parcel using (seq)
)
select seq, key, attempts, idem, name, content_type, meta, body from sized where before < %(bytes)s order by seq
