-- What became of arrivals whose commit was not heard of: the id that stands for each, or null.
select given.place, coalesce(message.id, seen.id), coalesce(message.flags & 1 = 1, false)
from unnest(%(ids)b::uuid[], %(sources)b::int8[], %(marks)b::int8[]) with ordinality as given (id, source, mark, place)
left join journal.message on message.id = given.id
left join journal.seen on seen.source = given.source and seen.digest = given.mark
order by given.place
