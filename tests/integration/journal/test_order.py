"""Order per key over several workers (R8), leases and fencing (R17), recovery with a long queue (R15), retention (R23)."""

from __future__ import annotations

import random
import resource
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from engine.fault import Fault, Kind
from engine.journal import Fenced, Journal, Settlement
from engine.journal.partitions import ensure, first_id
from engine.journal.retention import purge
from engine.types import Arrival, Receipt, State

Make = Callable[..., Arrival]
BAD = Fault(Kind.INCORRECT, "E401", "made up")


def settle(journal: Journal, limit: int = 10, state: State = State.PROCESSED) -> list[Settlement]:
    done = [Settlement(message, state, (BAD,) if state is State.HELD else ()) for message in journal.claim(limit)]
    with journal.transaction() as connection:
        journal.settle(connection, done)
    journal.committed(done)
    return done


def test_processes_of_one_engine_wait_to_be_woken_and_look_for_work_only_beside_another_engine(database: str) -> None:
    mates = [Journal(database, works=(False,), mates=2) for _ in range(2)]
    try:
        for journal in mates:
            journal._leases[False].tick()
        assert [journal._leases[False].owners for journal in mates] == [2, 2]
        assert [journal.alone for journal in mates] == [True, True]
        other = Journal(database, works=(False,))
        mates.append(other)
        mates[0]._leases[False].tick()
        assert [mates[0].alone, other.alone] == [False, False]
    finally:
        for journal in mates:
            journal.close()


def test_two_processes_with_failing_workers_keep_the_order_of_each_patient(database: str, make: Make) -> None:
    journals = [Journal(database), Journal(database)]
    for journal in journals:
        journal._leases[False].tick()
        journal._leases[False].tick()
    shares = [len(journal._leases[False].held()) for journal in journals]
    assert shares == [28, 28]
    with psycopg.connect(database) as connection:
        connection.execute("create table effect (place bigint generated always as identity, key text, n int)")
    total = 400
    ended = threading.Event()
    failed = 0

    def work(journal: Journal, chance: random.Random) -> None:
        nonlocal failed
        while not ended.is_set():
            messages = journal.claim(chance.randint(1, 8))
            done = [Settlement(message, State.PROCESSED) for message in messages]
            try:
                with journal.transaction() as connection:
                    for message in messages:
                        connection.execute(
                            "insert into effect (key, n) values (%s, %s)", [message.envelope.key, int(message.body)]
                        )
                    journal.settle(connection, done)
                    if done and chance.random() < 0.2:
                        raise ConnectionError
            except ConnectionError:
                failed += 1
                continue
            journal.committed(done)
            if not messages:
                journal.wait(0.02)

    threads = [threading.Thread(target=work, args=(journal, random.Random(n))) for n, journal in enumerate(journals)]
    for thread in threads:
        thread.start()
    for n in range(0, total, 4):
        journals[n // 4 % 2].accept([make(str(n + i), key=f"p{i % 2}", body=str(n + i).encode()) for i in range(4)])
    until = time.monotonic() + 60
    with psycopg.connect(database, autocommit=True) as connection:
        while connection.execute("select count(*) from journal.pending").fetchone() != (0,) and time.monotonic() < until:
            ended.wait(0.02)
        ended.set()
        for thread in threads:
            thread.join()
        rows = connection.execute("select key, n from effect order by place").fetchall()
    for journal in journals:
        journal.close()
    per_key = defaultdict(list)
    for key, n in rows:
        per_key[key].append(n)
    assert failed > 0
    assert sum(len(numbers) for numbers in per_key.values()) == total
    assert all(numbers == sorted(numbers) for numbers in per_key.values())


def test_a_worker_that_slept_through_a_takeover_cannot_write(database: str, make: Make) -> None:
    sleeper = Journal(database)
    sleeper._leases[False]._ended.set()  # its renewals stop while its session stays, as when the process is stopped
    arrival = make("1", key="p")
    sleeper.accept([arrival])
    [message] = sleeper.claim(10)
    with psycopg.connect(database) as connection:
        connection.execute("update journal.lease set until = now() - interval '1 s' where owner <> 0")
    other = Journal(database)
    assert len(other._leases[False].held()) == 56
    [taken] = other.claim(10)
    assert taken.id == message.id
    with pytest.raises(Fenced), sleeper.transaction() as connection:
        sleeper.settle(connection, [Settlement(message, State.PROCESSED)])
    settle(other)
    with pytest.raises(Fenced), sleeper.transaction() as connection:
        sleeper.settle(connection, [Settlement(message, State.PROCESSED)])
    shown = other.show(arrival.id)
    assert not isinstance(shown, Fault)
    assert [event.state for event in shown.events] == ["processed"]
    other.close()
    sleeper.close()


def test_leases_not_renewed_in_time_are_not_used(database: str, make: Make) -> None:
    journal = Journal(database)
    journal._leases[False]._ended.set()
    journal.accept([make("1")])
    journal._leases[False]._renewed -= 3600
    assert journal.claim(10) == []
    journal.close()


def test_the_lanes_of_a_process_that_died_are_taken_over_at_once(database: str, make: Make) -> None:
    dead = Journal(database, lease=3600)
    arrival = make("1")
    dead.accept([arrival])
    dead.claim(1)
    dead._leases[False]._ended.set()
    dead._leases[False]._line.drop()  # its session ends with it
    dead._leases[True].stop()
    dead._backlog.stop()
    heir = Journal(database)
    assert [message.id for message in heir.claim(10)] == [arrival.id]
    heir.close()
    for line in (*dead._accept_lines.values(), *dead._claim_lines.values(), *dead._work_lines.values()):
        line.drop()


def test_a_message_is_settled_once(journal: Journal, make: Make) -> None:
    journal.accept([make("1")])
    done = settle(journal)
    with pytest.raises(Fenced), journal.transaction() as connection:
        journal.settle(connection, done)


def resident() -> float:
    """Megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def test_a_long_queue_is_taken_up_at_once_and_not_into_memory(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "insert into journal.message select n, now(), ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,"
            " sha256('x'), 0, 'labs', 'hl7v2', '', '', '', '', '', 'x' from generate_series(1, 200000) n"
        )
        connection.execute("insert into journal.pending (seq, key, id, lane) select seq, seq, id, seq % 56 from journal.message")
    began, memory = time.monotonic(), resident()
    journal = Journal(database)
    messages = journal.claim(64)
    assert time.monotonic() - began < 10
    assert resident() - memory < 30  # 200,000 rows would be more
    assert [message.seq for message in messages] == list(range(1, 65))
    assert journal.pending == 100_000  # counted no further
    journal.close()


def old(make: Make, days: int, **rest: str) -> Arrival:
    moment = datetime.now(UTC) - timedelta(days=days)
    arrival = make(**rest)
    stamp = first_id(moment).int >> 80
    return replace(arrival, id=UUID(int=(stamp << 80) | (arrival.id.int & ((1 << 80) - 1))), received=moment)


def test_a_purge_deletes_what_is_old_and_done_and_nothing_else(database: str, journal: Journal, make: Make) -> None:
    moment = datetime.now(UTC) - timedelta(days=100)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("delete from journal.message_rest")
        ensure(connection, moment)
    done, held, waiting, short = (
        old(make, 100, control_id="1"), old(make, 100, control_id="2"), old(make, 100, control_id="3", key="k"),
        old(make, 40, control_id="4", channel="vitals"),
    )  # fmt: skip
    fresh = make("5")
    journal.accept([done])
    settle(journal)
    journal.accept([held])
    settle(journal, state=State.HELD)
    journal.accept([short, fresh])
    settle(journal)
    journal.accept([waiting])
    with psycopg.connect(database, autocommit=True) as connection:
        assert purge(connection, {"vitals": timedelta(days=30)}) == 2
        assert purge(connection, {"vitals": timedelta(days=30)}) == 0
        left = {row[0] for row in connection.execute("select id from journal.message")}
        assert left == {held.id, waiting.id, fresh.id}
        assert connection.execute("select count(*) from journal.seen").fetchone() == (3,)
        days = connection.execute("select count(*) from pg_class where relname ~ %s", [moment.strftime("^message_%Y%m%d$")])
        assert days.fetchone() == (1,)
    assert [message.id for message in journal.claim(10)] == [waiting.id]
    assert journal.accept([replace(make("1"), body=done.body)])[0] != Receipt(done.id, duplicate=True)


def test_a_day_that_is_empty_is_dropped(database: str, journal: Journal, make: Make) -> None:
    moment = datetime.now(UTC) - timedelta(days=100)
    with psycopg.connect(database, autocommit=True) as connection:
        ensure(connection, moment)
        journal.accept([old(make, 100)])
        settle(journal)
        assert purge(connection, {}) == 1
        names = {row[0] for row in connection.execute("select relname from pg_class where relname ~ '^message_[0-9]'")}
        assert f"message_{moment:%Y%m%d}" not in names
        assert f"message_{datetime.now(UTC):%Y%m%d}" in names


def test_partitions_are_made_ahead_once(database: str) -> None:
    moment = datetime(2031, 5, 30, 13, tzinfo=UTC)
    with psycopg.connect(database, autocommit=True) as connection:
        made = ensure(connection, moment)
        assert len(made) == 27
        assert {"message_20310529", "message_event_20310606", "feed_event_20310606"} <= set(made)
        assert ensure(connection, moment) == []


def test_a_day_whose_messages_came_before_its_partition_is_left_where_it_is(database: str, journal: Journal, make: Make) -> None:
    arrival = old(make, -300)  # a clock that jumped ahead
    assert journal.accept([arrival]) == [Receipt(arrival.id)]
    with psycopg.connect(database, autocommit=True) as connection:
        made = ensure(connection, arrival.received)
        assert f"message_{arrival.received:%Y%m%d}" not in made
    assert [message.id for message in journal.claim(10)] == [arrival.id]


def test_what_another_process_works_off_is_counted_off(database: str, make: Make) -> None:
    first, second = Journal(database), Journal(database)
    first.accept([make(str(n), key=f"p{n}") for n in range(40)])
    assert first.pending == 40
    for journal in (second, first, second):
        journal._leases[False].tick()
    worked = len(settle(second, limit=100))
    assert worked > 0
    first._backlog.recount()
    assert first.pending == 40 - worked
    first.close()
    second.close()


def test_slow_work_waits_in_lanes_of_its_own_and_keeps_them_when_it_is_replayed(journal: Journal, make: Make) -> None:
    quick, slow = make("1", key="p"), replace(make("2", key="p"), slow=True)
    journal.accept([slow, quick])
    assert [message.id for message in journal.claim(10)] == [quick.id]
    (claimed,) = journal.claim(10, slow=True)
    assert claimed.id == slow.id
    settlement = Settlement(claimed, State.PROCESSED)
    with journal.transaction(slow=True) as connection:
        journal.settle(connection, [settlement])
    journal.committed([settlement])
    assert journal.replay([slow.id]) == [slow.id]
    assert [message.id for message in journal.claim(10)] == [quick.id]
    assert [message.id for message in journal.claim(10, slow=True)] == [slow.id]
