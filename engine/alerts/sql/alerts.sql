-- Alerts, newest first.
select id, rule, severity, title, subject, state, raised_at, acknowledged_at, acknowledged_by, resolved_at, level, repeats, evidence
from alerts.alert
where (%(state)s in ('all', state) or (%(state)s = 'open' and resolved_at is null))
    and %(rule)s in ('', rule) and %(subject)s in ('', subject)
order by raised_at desc, id
limit %(limit)s
