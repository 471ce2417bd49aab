-- The next messages of the lanes held, in order; none whose key has an earlier message that waits for its retry, has stopped the key,
-- or whose time has come but which lies before `after` and is read only when the queue is read from its start. A time further off than
-- any wait can be (a minute) means that the clock was set back: it has come.
select pending.seq, pending.id, pending.attempts, pending.lane
from journal.pending
where pending.seq > %(after)s and pending.lane = any(%(lanes)s::int2[]) and not pending.stopped
    and (pending.not_before is null or pending.not_before not between now() and now() + interval '2 minutes')
    and not exists (
        select from journal.pending earlier
        where earlier.key = pending.key and earlier.seq < pending.seq and earlier.not_before is not null
            and (earlier.stopped or earlier.not_before between now() and now() + interval '2 minutes' or earlier.seq <= %(after)s)
    )
order by pending.seq
limit %(limit)s
