-- The channels that have messages.
select distinct channel from journal.message
