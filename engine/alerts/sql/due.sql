-- Lives that time alone may change.
select rule, subject, state::text, seen, alert from alerts.life
where due <= %(now)s order by due limit 200 for update skip locked
