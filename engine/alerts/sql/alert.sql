-- One alert with its history.
select id, rule, version, severity, title, subject, state, raised_at, acknowledged_at, acknowledged_by, resolved_at, level, repeats,
    evidence, history
from alerts.alert
where id = %(id)s
