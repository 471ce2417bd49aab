-- Whether a rule or a subject is under maintenance now; an empty name stands for all.
select exists (
    select from alerts.quiet where rule in ('', %(rule)s) and subject in ('', %(subject)s) and %(now)s between since and until
)
