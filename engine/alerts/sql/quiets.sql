-- When notices are held back, now and to come.
select id, rule, subject, since, until, reason from alerts.quiet where until > now() order by since, id
