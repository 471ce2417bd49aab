-- A new alert.
insert into alerts.alert (id, rule, version, subject, severity, title, state, raised_at, evidence, history)
values (%(id)s, %(rule)s, %(version)s, %(subject)s, %(severity)s, %(title)s, 'raised', %(at)s, %(evidence)s, %(history)s)
on conflict (id) do nothing
