"""The worker over a real journal: faults that pass are waited for, a key may stop, one bad message costs the others nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import psycopg
import pytest

from engine.alerts.desk import Told
from engine.fault import Fault, Kind
from engine.journal import Journal
from engine.run import Plan
from engine.settlement import TRIES, pause
from engine.types import Arrival, Connection, Envelope, Put, Work, Written
from engine.uuid7 import uuid7
from engine.worker import FEW, GATHER, Worker, rest

AWAY = Fault(Kind.UNAVAILABLE, "E827", "made up")
WRONG = Fault(Kind.INCORRECT, "E901", "made up")


class Text:
    name = "text"

    def parse(self, body: bytes) -> Any:
        return body.decode()


class Store:
    """Notes what is written, in the transaction that writes it; a body `?` cannot be."""

    def write(self, connection: Connection, puts: Sequence[Put], at: datetime) -> list[Written]:
        for put in puts:
            if put.body["id"].startswith("?"):
                raise ValueError
            connection.execute("insert into effect (id) values (%s)", [put.body["id"]])
        return []

    def bodies(self, connection: Connection, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        return {}


def keep(work: Work) -> Work:
    return replace(work, puts=(Put({"resourceType": "Basic", "id": str(work.document)}),))


def plan(step: Callable[[Work], Any] = keep, **more: Any) -> Plan:
    return Plan("lab", "v1", Text(), (step,), **more)  # type: ignore[arg-type]


class Bench:
    """A journal, a worker that is driven by hand, and what took effect."""

    def __init__(self, dsn: str) -> None:
        self.dsn, self.journal, self.plan = dsn, Journal(dsn), plan()
        self.worker = self._worker()
        with psycopg.connect(dsn) as connection:
            connection.execute("create table effect (place serial, id text)")

    def _worker(self, slow: bool = False) -> Worker:
        return Worker(
            self.journal, lambda: {"lab": self.plan}, Store(), lambda: datetime.now(UTC), lambda *_: Told((), (), ()), slow=slow
        )

    def slow(self, step: Any = keep) -> Worker:
        """A worker of slow messages, whose channel does this."""
        self.plan = plan(step, slow=True)
        return self._worker(slow=True)

    def send(self, *bodies: str, slow: bool = False) -> None:
        """Messages of the key that is their first letter."""
        now = datetime.now(UTC)
        self.journal.accept(
            [Arrival(uuid7(), "lab", "text", b.encode(), now, Envelope("", "s", b, b.strip("?")[0]), slow=slow) for b in bodies]
        )

    def turn(self) -> list[str]:
        """One batch; what has taken effect so far."""
        if messages := self.journal.claim(64):
            self.worker.work(messages)
        return self.ask("select id from effect order by place")

    def ask(self, text: str) -> list[Any]:
        with psycopg.connect(self.dsn) as connection:
            return [row[0] for row in connection.execute(text).fetchall()]

    def later(self) -> None:
        """The time of retries comes."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("update journal.pending set not_before = now() where not stopped and not_before is not null")
        self.journal.claim(0)
        self.worker.journal._claims[False]._swept = -1e9


@pytest.fixture
def bench(database: str) -> Any:
    made = Bench(database)
    yield made
    made.journal.close()


def test_a_fault_that_may_pass_puts_off_its_message_and_its_key_and_nothing_else(bench: Bench) -> None:
    away = True
    bench.plan = plan(lambda work: AWAY if away and work.document == "a1" else keep(work))
    bench.send("a1", "b1", "a2", "b2")
    assert bench.turn() == ["b1", "b2"]
    assert bench.turn() == ["b1", "b2"]
    away = False
    bench.later()
    assert bench.turn() == ["b1", "b2", "a1", "a2"]
    assert bench.ask("select state from journal.message_event where state <> 'processed'") == ["deferred"]


def test_a_message_is_held_when_its_fault_does_not_pass(bench: Bench) -> None:
    bench.plan = plan(lambda work: AWAY if work.document == "a1" else keep(work))
    bench.send("a1", "a2")
    for _ in range(TRIES):
        assert bench.ask("select code from journal.held") == []
        bench.turn()
        bench.later()
    assert bench.turn() == ["a2"]
    assert bench.ask("select code from journal.held") == ["E827"]


def test_the_waits_double_to_a_minute() -> None:
    assert [pause(n) for n in (1, 2, 3, 7, 8, 1000)] == [1, 2, 4, 60, 60, 60]


def test_a_wrong_message_is_held_at_once_and_its_key_goes_on(bench: Bench) -> None:
    bench.plan = plan(lambda work: WRONG if work.document == "a1" else keep(work))
    bench.send("a1", "a2")
    assert bench.turn() == ["a2"]
    assert bench.ask("select code from journal.held") == ["E901"]


def test_where_the_channel_says_so_a_wrong_message_stops_its_key_until_it_is_replayed(bench: Bench) -> None:
    wrong = True
    bench.plan = plan(lambda work: WRONG if wrong and work.document == "a1" else keep(work), on_failure="stop")
    bench.send("a1", "b1", "a2")
    assert bench.turn() == ["b1"]
    bench.send("a3")
    assert bench.turn() == ["b1"]
    wrong = False
    bench.journal.replay(bench.ask("select id from journal.held"))
    bench.later()
    bench.turn()
    assert bench.turn() == ["b1", "a1", "a2", "a3"]


@pytest.mark.parametrize(("policy", "after"), [("hold", ["b1", "a2"]), ("stop", ["b1"])])
def test_a_message_that_cannot_be_stored_is_found_and_held_by_itself(bench: Bench, policy: str, after: list[str]) -> None:
    bench.plan = plan(on_failure=policy)
    bench.send("?a1", "b1", "a2")
    assert bench.turn() == after
    assert bench.ask("select code from journal.held") == ["E290"]


def test_a_message_beyond_a_limit_of_the_server_is_held_and_not_tried_for_ever(bench: Bench) -> None:
    with psycopg.connect(bench.dsn) as connection:
        connection.execute("create index on effect (id)")  # takes 2704 bytes
    chance = Random(1)
    long = "b" + "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(3000))
    bench.send("a1", long, "c1")
    assert bench.turn() == ["a1", "c1"]
    assert bench.ask("select code from journal.held") == ["E290"]


def test_slow_messages_are_committed_in_small_parts_while_later_ones_still_run(bench: Bench) -> None:
    seen = threading.Event()

    def step(work: Work) -> Work:
        if str(work.document) == "c1":
            until = time.monotonic() + 10
            while time.monotonic() < until and bench.ask("select id from effect order by place")[:2] != ["a1", "b1"]:
                time.sleep(0.02)
            if time.monotonic() < until:
                seen.set()
        return keep(work)

    worker = bench.slow(step)
    bench.send("a1", "b1", "c1", "a2", "b2", slow=True)
    worker.work(bench.journal.claim(64, slow=True))
    assert seen.is_set()
    assert sorted(bench.ask("select id from effect order by place")) == ["a1", "a2", "b1", "b2", "c1"]


def test_slow_messages_that_end_one_after_the_other_share_a_transaction(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.worker.SLOW_PAUSE", 10.0)
    ended = threading.Event()

    def step(work: Work) -> Work:
        if str(work.document) == "a1":
            ended.set()
        else:
            ended.wait(10)
            time.sleep(0.1)
        return keep(work)

    worker = bench.slow(step)
    bench.send("a1", "b1", slow=True)
    worker.work(bench.journal.claim(64, slow=True))
    assert bench.ask("select id from effect order by place") == ["a1", "b1"]
    assert bench.ask("select count(distinct xmin::text) from effect") == [1]


def test_a_slow_message_that_hangs_keeps_back_none_but_its_own_key(bench: Bench) -> None:
    others, seen = ["b1", "c1", "b2", "c2", "b3"], threading.Event()

    def step(work: Work) -> Work:
        if str(work.document) == "a1":
            until = time.monotonic() + 10
            while time.monotonic() < until and sorted(bench.ask("select id from effect")) != sorted(others):
                time.sleep(0.02)
            if time.monotonic() < until:
                seen.set()
        return keep(work)

    worker = bench.slow(step)
    bench.send("a1", "b1", "a2", "c1", "b2", "c2", "b3", slow=True)
    worker.work(bench.journal.claim(64, slow=True))
    assert seen.is_set()
    order = bench.ask("select id from effect order by place")
    assert [[one for one in order if one[0] == key] for key in "abc"] == [["a1", "a2"], ["b1", "b2", "b3"], ["c1", "c2"]]


def test_a_slow_message_that_is_tried_again_holds_back_its_key_in_every_part(bench: Bench) -> None:
    away = [AWAY]
    worker = bench.slow(lambda work: away[0] if str(work.document) == "a1" and away else keep(work))
    bench.send("a1", "b1", "a2", "b2", "a3", "b3", slow=True)
    worker.work(bench.journal.claim(64, slow=True))
    assert bench.ask("select id from effect order by place") == ["b1", "b2", "b3"]
    away.clear()
    bench.later()
    bench.journal._claims[True]._swept = -1e9
    worker.work(bench.journal.claim(64, slow=True))
    assert bench.ask("select id from effect order by place") == ["b1", "b2", "b3", "a1", "a2", "a3"]


def test_a_claim_of_large_messages_takes_a_few_and_the_rest_comes_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.journal.claim.MOST_BYTES", 9)
    names = [f"{letter}1" for letter in "abcdefghijkl"]
    bench.send(*names, slow=True)
    worker = bench.slow()
    first = bench.journal.claim(64, slow=True)
    assert [message.body.decode() for message in first] == names[:8]
    worker.work(first)
    assert [message.body.decode() for message in bench.journal.claim(64, slow=True)] == names[8:]


class Losing(Store):
    """Loses the database at its first write."""

    lost = True

    def write(self, connection: Connection, puts: Sequence[Put], at: datetime) -> list[Written]:
        if self.lost:
            self.lost = False
            raise psycopg.OperationalError("made up")
        return super().write(connection, puts, at)


def effects(bench: Bench, count: int) -> list[str]:
    """What took effect, once so much did."""
    until = time.monotonic() + 20
    while len(found := bench.ask("select id from effect order by place")) < count and time.monotonic() < until:
        time.sleep(0.02)
    return found


def test_batches_that_could_not_be_written_come_again_in_order(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.worker.BATCH", 2)
    worker = Worker(bench.journal, lambda: {"lab": bench.plan}, Losing(), lambda: datetime.now(UTC), bench.worker.writer.alerts)
    bench.send("a1", "a2", "a3", "a4", "a5")
    worker.start()
    try:
        assert effects(bench, 5) == ["a1", "a2", "a3", "a4", "a5"]
    finally:
        worker.stop(20)


def test_after_a_small_batch_the_next_waits_for_company_but_not_behind_one_message_alone() -> None:
    assert [rest(count) for count in (1, 2, FEW - 1, FEW, 128)] == [0.0, GATHER, GATHER, 0.0, 0.0]
