-- A Subscription was written: its row follows. A state that says it is asked for anew forgets the handshake.
insert into fhir.subscription as held (key, id, base, state) values (%(key)s, %(id)s, %(base)s, %(state)s)
on conflict (key) where state <> 'gone' do update set
    state = excluded.state, base = excluded.base, shaken = held.shaken and excluded.state <> 'requested'
returning num
