-- What has happened to Subscriptions since the last look: an endpoint took its handshake; a notification was given up, why and when.
select held.num, held.key, case when gone.seq is null then 'shaken' else 'given up' end, coalesce(gone.code, ''),
    coalesce(gone.fault ->> 'text', '')
from fhir.subscription held
left join lateral (
    select dead.seq, dead.code, dead.fault from journal.dead join journal.parcel using (seq)
    where dead.destination = 'subscriptions' and parcel.key = held.num::text and dead.since >= held.asked
    order by dead.seq limit 1
) gone on true
where (held.state in ('requested', 'active') and gone.seq is not null) or (held.state = 'requested' and held.shaken)
order by held.num
