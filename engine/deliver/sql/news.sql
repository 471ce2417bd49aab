-- The destinations that parcels were queued for behind a number, each with the last one's.
select destination, max(seq) from journal.outbox where seq > %(after)s group by destination
