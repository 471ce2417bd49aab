"""No word before the commit (R1), no guess after a lost one (R3), duplicates once (R5), all or nothing (R6)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pg_proxy import READY, Proxy
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.fault import Fault, Kind
from engine.journal import Committer, Journal, Limits, Settlement
from engine.journal.accept import Acceptor
from engine.journal.line import Line
from engine.types import Arrival, Event, Receipt, State

Make = Callable[..., Arrival]


@pytest.fixture
def proxy(database: str) -> Iterator[Proxy]:
    folder = Path(tempfile.mkdtemp(prefix="isthmus-proxy-"))
    opened = Proxy(folder, f"{conninfo_to_dict(database)['host']}/.s.PGSQL.5432")
    opened.folder = folder  # type: ignore[attr-defined]
    yield opened
    opened.close()
    shutil.rmtree(folder)


@pytest.fixture
def line(database: str, proxy: Proxy) -> Iterator[Line]:
    opened = Line(make_conninfo(database, host=str(proxy.folder)), "test")  # type: ignore[attr-defined]
    opened.get()
    yield opened
    opened.drop()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as opened:
        yield opened


def stored(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute("select id from journal.message order by seq")]


def held_back(proxy: Proxy, accepting: Future[list[Receipt | Fault]], database: str, arrival: Arrival) -> None:
    """The proof of R1: what is not committed is not acknowledged, and what the server has not confirmed neither."""
    proxy.wait_held("questions")
    assert stored(database) == []
    assert not accepting.done()
    proxy.hold("answers")
    proxy.release("questions")
    proxy.wait_held("answers", READY)
    assert stored(database) == [arrival.id]
    assert not accepting.done()
    proxy.release("answers")
    assert accepting.result(30) == [Receipt(arrival.id)]


def test_no_receipt_before_the_server_confirmed_the_commit(
    database: str, proxy: Proxy, line: Line, pool: ThreadPoolExecutor, make: Make
) -> None:
    arrival = make("1")
    proxy.hold("questions")
    held_back(proxy, pool.submit(Acceptor(line).accept, [arrival]), database, arrival)


def test_that_proof_fails_for_an_acceptor_that_answers_before_the_commit(
    database: str, proxy: Proxy, line: Line, pool: ThreadPoolExecutor, make: Make
) -> None:
    later: list[Future[Any]] = []

    def hasty(arrivals: list[Arrival]) -> list[Receipt | Fault]:
        later.append(pool.submit(Acceptor(line).accept, arrivals))
        return [Receipt(arrival.id) for arrival in arrivals]

    arrival = make("1")
    proxy.hold("questions")
    with pytest.raises(AssertionError):
        accepting = pool.submit(hasty, [arrival])
        accepting.result(30)
        held_back(proxy, accepting, database, arrival)
    proxy.release("questions")
    proxy.release("answers")
    later[0].result(30)


@pytest.mark.parametrize("control_id", ["1", ""])
@pytest.mark.parametrize("direction", ["answers", "questions"])
def test_a_connection_lost_around_the_commit_is_checked_and_has_one_effect(
    database: str, proxy: Proxy, line: Line, pool: ThreadPoolExecutor, make: Make, direction: str, control_id: str
) -> None:
    arrival = make(control_id)
    proxy.hold(direction)
    accepting = pool.submit(Acceptor(line).accept, [arrival])
    proxy.wait_held(direction, READY if direction == "answers" else b"")
    proxy.cut()
    assert accepting.result(30) == [Receipt(arrival.id)]
    assert stored(database) == [arrival.id]


def test_a_database_that_stays_away_leaves_the_outcome_unknown_and_says_so(
    database: str, proxy: Proxy, line: Line, pool: ThreadPoolExecutor, make: Make
) -> None:
    first = make("1")
    proxy.hold("answers")
    accepting = pool.submit(Acceptor(line, patience=0.3).accept, [first])
    proxy.wait_held("answers", READY)
    proxy.close()
    [fault] = accepting.result(30)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code) == (Kind.INTERRUPTED, "E621")
    [again] = Acceptor(line).accept([make("2")])
    assert isinstance(again, Fault)
    assert (again.kind, again.code) == (Kind.UNAVAILABLE, "E620")
    direct = Line(database, "direct")
    repeated = make("1")
    assert Acceptor(direct).accept([repeated]) == [Receipt(first.id, duplicate=True)]
    direct.drop()


def test_a_commit_that_warns_counts_only_once_a_later_one_does_not(database: str, make: Make) -> None:
    line = Line(database, "warned")
    with psycopg.connect(database) as connection:
        connection.execute(
            "create function journal.warn() returns trigger language plpgsql as $$ begin"
            " raise warning 'canceling wait for synchronous replication'; return new; end $$;"
            "create trigger warn before insert on journal.seen for each row execute function journal.warn()"
        )
    arrival = make("1")
    first = line.get()
    assert Acceptor(line).accept([arrival]) == [Receipt(arrival.id)]
    assert line.get() is not first
    line.drop()


def test_a_full_disk_is_said_and_passes(database: str, make: Make) -> None:
    line = Line(database, "full")
    with psycopg.connect(database) as connection:
        connection.execute(
            "create function journal.full() returns trigger language plpgsql as $$ begin"
            " raise exception using errcode = 'disk_full'; end $$;"
            "create trigger full_disk before insert on journal.seen for each row execute function journal.full()"
        )
    [fault] = Acceptor(line).accept([make("1")])
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code) == (Kind.UNAVAILABLE, "E622")
    with psycopg.connect(database) as connection:
        connection.execute("drop trigger full_disk on journal.seen")
    assert isinstance(Acceptor(line).accept([make("1")])[0], Receipt)
    line.drop()


def test_one_arrival_that_cannot_be_stored_does_not_cost_the_others(database: str, make: Make) -> None:
    line = Line(database, "bad")
    with psycopg.connect(database) as connection:
        connection.execute("alter table journal.message add check (sender <> 'bad')")
    arrivals = [make("1"), make("2", sender="bad"), make("3")]
    first, second, third = Acceptor(line).accept(arrivals)
    assert (first, third) == (Receipt(arrivals[0].id), Receipt(arrivals[2].id))
    assert isinstance(second, Fault)
    assert second.code == "E623"
    line.drop()


def test_the_same_message_on_many_connections_at_once_has_one_effect(database: str, pool: ThreadPoolExecutor, make: Make) -> None:
    lines = [Line(database, str(n)) for n in range(4)]
    gate = threading.Barrier(4)

    def accept(line: Line) -> Receipt | Fault:
        line.get()
        gate.wait()
        return Acceptor(line).accept([make("7", body=b"same")])[0]

    for _ in range(3):
        answers = list(pool.map(accept, lines))
        assert len({answer.id for answer in answers if isinstance(answer, Receipt)}) == 1
    assert len(stored(database)) == 1
    for line in lines:
        line.drop()


def counted(database: str) -> tuple[int, ...]:
    tables = ("public.resource", "journal.feed_event", "journal.held", "journal.message_event", "journal.pending")
    with psycopg.connect(database) as connection:
        return tuple(int(connection.execute(f"select count(*) from {name}").fetchone()[0]) for name in tables)  # type: ignore[index]


class Failing:
    """A connection that is killed at its n-th statement."""

    def __init__(self, connection: Any, database: str, after: int) -> None:
        self._connection, self._database, self._left = connection, database, after

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        if self._left == 0:
            with psycopg.connect(self._database, autocommit=True) as killer:
                killer.execute("select pg_terminate_backend(%s, 5000)", [self._connection.info.backend_pid])
        self._left -= 1
        return self._connection.execute(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @property
    def untouched(self) -> bool:
        return self._left >= 0


def test_a_kill_before_any_statement_of_the_work_undoes_all_of_it(database: str, journal: Journal, make: Make) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table public.resource (id text)")
    journal.accept([make("1", key="p"), make("2", key="p")])
    before = counted(database)
    for after in range(100):
        messages = journal.claim(10)
        events = (Event("labs", {"n": 1}),)
        done = [Settlement(messages[0], State.PROCESSED, events=events), Settlement(messages[1], State.HELD)]
        try:
            with journal.transaction() as connection:
                failing = Failing(connection, database, after)
                failing.execute("insert into public.resource values ('a'), ('b')")
                journal.settle(failing, done)  # type: ignore[arg-type]
        except psycopg.OperationalError:
            assert not failing.untouched
            assert counted(database) == before
            continue
        break
    assert after >= 3
    assert counted(database) == (2, 1, 1, 2, 0)


def test_a_committer_that_stops_stores_what_it_took_and_refuses_the_rest(journal: Journal, database: str, make: Make) -> None:
    arrivals = [make(str(n)) for n in range(20)]

    async def run() -> tuple[list[Any], list[Receipt | Fault]]:
        committer = Committer(journal)
        committer.start()
        tasks = [asyncio.ensure_future(committer.accept([arrival])) for arrival in arrivals]
        await asyncio.sleep(0)
        await asyncio.to_thread(committer.stop)
        return [(await task)[0] for task in tasks], await committer.accept([make("late")])

    receipts, late = asyncio.run(run())
    assert receipts == [Receipt(arrival.id) for arrival in arrivals]
    assert stored(database) == [arrival.id for arrival in arrivals]
    assert isinstance(late[0], Fault)
    assert late[0].code == "E624"


def test_a_source_that_does_not_wait_is_refused_before_memory_fills(journal: Journal, proxy: Proxy, make: Make) -> None:
    async def run() -> list[Receipt | Fault]:
        committer = Committer(journal, Limits(waiting=1, refuse=1, group=1))
        committer.start()
        with committer._lanes[False]._changed:  # the thread cannot take anything meanwhile
            tasks = []
            for n in range(4):
                tasks.append(asyncio.ensure_future(committer.accept([make(str(n))])))
                await asyncio.sleep(0)
        answers = [(await task)[0] for task in tasks]
        await asyncio.to_thread(committer.stop)
        return answers

    answers = asyncio.run(run())
    assert [isinstance(answer, Fault) and answer.code for answer in answers] == [False, False, "E625", "E625"]


def test_who_waits_hears_the_outcome_of_its_message(journal: Journal, make: Make) -> None:
    arrival, slow = make("1"), make("2")

    async def run() -> list[Any]:
        committer = Committer(journal)
        committer.start()
        await committer.accept([arrival, slow])
        waiting = asyncio.ensure_future(committer.settled(arrival.id, 30))
        await asyncio.sleep(0)
        await asyncio.to_thread(work)
        told = [await waiting, await committer.settled(arrival.id, 30), await committer.settled(slow.id, 0.01)]
        await asyncio.to_thread(committer.stop)
        return told

    def work() -> None:
        done = [Settlement(message, State.FILTERED) for message in journal.claim(1)]
        with journal.transaction() as connection:
            journal.settle(connection, done)
        journal.committed(done)

    first, again, late = asyncio.run(run())
    assert first.state is State.FILTERED
    assert again == first
    assert isinstance(late, Fault)
    assert late.code == "E626"
