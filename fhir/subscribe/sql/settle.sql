-- A Subscription was written: its row follows. One that is asked for anew forgets the handshake, and what was given up before, and
-- notes how many events there were.
insert into fhir.subscription as held (key, id, base, state) values (%(key)s, %(id)s, %(base)s, %(state)s)
on conflict (key) where state <> 'gone' do update set
    state = excluded.state, base = excluded.base,
    since = case when excluded.state = 'requested' and held.state <> 'requested' then held.events else held.since end,
    shaken = held.shaken and excluded.state <> 'requested',
    asked = case when %(again)s then now() else held.asked end
returning num, events
