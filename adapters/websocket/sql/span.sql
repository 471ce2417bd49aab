-- The oldest event kept and the newest committed.
select coalesce(min(number), 0), coalesce(max(number), 0) from journal.feed_event
