-- Accesses in the order of a history, newest first, after a place; a number stands for a key. With `first`, what was there by then.
select 'access-' || num, 1, updated, false, told, lpad(to_hex(num), 32, '0')::uuid
from fhir.access
where updated >= %(since)s and updated <= %(last)s and updated <= %(until)s
    and (updated < %(until)s or (lpad(to_hex(num), 32, '0')::uuid, 1) < (%(key)s, %(version)s))
order by updated desc, num desc
limit %(limit)s
