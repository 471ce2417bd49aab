"""No word before the commit (R1), no guess after a lost one (R3), duplicates once (R5)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from pg_proxy import READY, Proxy
from rows_stored import stored

from engine.fault import Fault, Kind
from engine.journal.accept import Acceptor
from engine.journal.line import Line
from engine.types import Arrival, Receipt

Make = Callable[..., Arrival]


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
