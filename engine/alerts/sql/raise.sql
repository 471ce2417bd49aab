-- A new alert; says whether the one of this id is open: one that was raised at the same time before may be over already.
insert into alerts.alert as alert (id, rule, version, subject, severity, title, state, raised_at, evidence, history)
values (%(id)s, %(rule)s, %(version)s, %(subject)s, %(severity)s, %(title)s, 'raised', %(at)s, %(evidence)s, %(history)s)
on conflict (id) do update set rule = excluded.rule
returning alert.resolved_at is null
