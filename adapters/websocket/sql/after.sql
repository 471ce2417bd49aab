-- Events behind a number, in the order of their commits; an empty list lets all pass.
select number, at, topic, patient, coalesce(body->>'channel', ''), coalesce(body->>'type', ''), severity, body::text
from journal.feed_event
where number > %(after)s and number <= %(until)s
    and (cardinality(%(topics)s::text[]) = 0 or topic = any(%(topics)s))
    and (cardinality(%(patients)s::text[]) = 0 or patient = any(%(patients)s))
    and (cardinality(%(severities)s::text[]) = 0 or severity = any(%(severities)s))
    and (cardinality(%(channels)s::text[]) = 0 or body->>'channel' = any(%(channels)s))
    and (cardinality(%(types)s::text[]) = 0 or body->>'type' = any(%(types)s))
order by number
limit %(limit)s
