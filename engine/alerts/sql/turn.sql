-- What happened to an alert, in its row and its history.
update alerts.alert set
    state = case when %(turn)s in ('resolved', 'acknowledged') then %(turn)s else state end,
    acknowledged_at = case when %(turn)s = 'acknowledged' then %(at)s else acknowledged_at end,
    acknowledged_by = case when %(turn)s = 'acknowledged' then %(by)s else acknowledged_by end,
    resolved_at = case when %(turn)s = 'resolved' then %(at)s else resolved_at end,
    level = level + (%(turn)s = 'escalated')::int,
    repeats = repeats + (%(turn)s = 'repeated')::int,
    history = case when %(turn)s = 'repeated' then history else (history::jsonb || %(entry)s::jsonb)::json end
where id = %(id)s
returning id, rule, version, subject, severity, title, state, raised_at, acknowledged_at, acknowledged_by, resolved_at, level, repeats, evidence
