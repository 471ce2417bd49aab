-- Origins in the order of a history, newest first, after a place; a number stands for a key.
select 'origin-' || num, 1, at, false, num::text, lpad(to_hex(num), 32, '0')::uuid
from fhir.origin
where at >= %(since)s and at <= %(last)s and at <= %(until)s
    and (at < %(until)s or (lpad(to_hex(num), 32, '0')::uuid, 1) < (%(key)s, %(version)s))
order by at desc, num desc
limit %(limit)s
