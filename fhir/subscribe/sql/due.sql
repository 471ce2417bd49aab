-- What has happened to Subscriptions since the last look: an endpoint took its handshake; a notification was given up, why and when.
with gone as materialized (
    select parcel.key, dead.seq, dead.since, dead.code, dead.fault ->> 'text' as text
    from journal.dead join journal.parcel using (seq)
    where dead.destination = 'subscriptions'
)
select distinct on (held.num) held.num, held.key, case when gone.seq is null then 'shaken' else 'given up' end,
    coalesce(gone.code, ''), coalesce(gone.text, '')
from fhir.subscription held left join gone on gone.key = held.num::text and gone.since >= held.asked
where (held.state in ('requested', 'active') and gone.seq is not null) or (held.state = 'requested' and held.shaken)
order by held.num, gone.seq
