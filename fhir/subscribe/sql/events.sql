-- Events of a Subscription, in order.
select number, at, change, type, id, version from fhir.subscription_event
where num = %(num)s and number between %(first)s and %(last)s
order by number limit %(limit)s
