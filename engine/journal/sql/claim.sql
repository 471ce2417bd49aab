-- The next messages of the lanes held, in order; none whose key has an earlier message that waits for its retry or stopped it.
select pending.seq, pending.id, pending.attempts, pending.lane
from journal.pending
where pending.seq > %(after)s and pending.lane = any(%(lanes)s::int2[]) and not pending.stopped
    and (pending.not_before is null or pending.not_before <= now())
    and not exists (
        select from journal.pending earlier
        where earlier.key = pending.key and earlier.seq < pending.seq and earlier.not_before is not null
            and (earlier.stopped or earlier.not_before > now())
    )
order by pending.seq
limit %(limit)s
