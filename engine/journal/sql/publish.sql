-- Numbers and writes feed events, in the order given.
insert into journal.feed_event (number, at, topic, patient, severity, body)
select nextval('journal.feed_number'), clock_timestamp(), topic, patient, severity, body::json
from unnest(%(topics)b::text[], %(patients)b::text[], %(severities)b::text[], %(bodies)b::text[])
    with ordinality as given (topic, patient, severity, body, place)
order by place
