-- What is known of these rules and subjects, locked in one order so that two workers never wait for each other in a ring.
select life.rule, life.subject, life.state::text, life.seen, life.alert
from alerts.life
join unnest(%(rules)b::text[], %(subjects)b::text[]) as wanted (rule, subject) using (rule, subject)
order by life.rule, life.subject
for update of life
