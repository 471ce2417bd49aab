-- Keeps what is known now.
insert into alerts.life (rule, subject, state, seen, due, alert)
select rule, subject, state::json, seen, due, alert
from unnest(%(rules)b::text[], %(subjects)b::text[], %(states)b::text[], %(seen)b::timestamptz[], %(due)b::timestamptz[], %(alerts)b::uuid[])
    as given (rule, subject, state, seen, due, alert)
order by rule, subject
on conflict (rule, subject) do update set state = excluded.state, seen = excluded.seen, due = excluded.due, alert = excluded.alert
