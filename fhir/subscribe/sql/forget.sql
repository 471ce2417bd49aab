-- Deletes a batch of old events.
with old as (select num, number from fhir.subscription_event where at < %(border)s limit %(limit)s)
delete from fhir.subscription_event event using old where event.num = old.num and event.number = old.number
