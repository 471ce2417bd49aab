"""What couriers read of the outbox, and when they look at it."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from engine.deliver.ledger import BYTES, Ledger
from engine.deliver.lookout import Lookout
from tests.integration.deliver.far_side import Far, deliver, parcel, put


def test_a_commit_wakes_the_destinations_that_it_has_something_for(database: str) -> None:
    async def run() -> list[list[str] | None]:
        heard: asyncio.Queue[Any] = asyncio.Queue()
        lookout = Lookout(database, heard.put_nowait)
        task = asyncio.create_task(lookout.run())
        found = []
        for parcels in ([parcel(0), parcel(1), parcel(0, to="lab")], [], [parcel(2)]):
            await asyncio.to_thread(put, database, *parcels)
            lookout.look()
            found.append(await asyncio.wait_for(heard.get(), 10))
        with psycopg.connect(database, autocommit=True) as other:  # the line is cut: it cannot be said which
            other.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'isthmus lookout'")
        for _ in range(2):
            lookout.look()
            found.append(await asyncio.wait_for(heard.get(), 10))
        task.cancel()
        return found

    first, *rest = asyncio.run(run())
    assert sorted(first or ()) == ["ehr", "lab"]
    assert rest == [[], ["ehr"], None, []]


def reading(database: str, *args: Any) -> tuple[list[str], Any]:
    """The heads of one reading, by name, and the reading."""

    async def run() -> Any:
        ledger = Ledger(database, "ehr")
        try:
            return await ledger.read(*args)
        finally:
            await ledger.close()

    read = asyncio.run(run())
    return [due.parcel.idem for due in read.heads], read


def seqs(database: str) -> dict[str, int]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute("select idem, seq from journal.parcel").fetchall())


def test_only_the_first_parcel_of_a_key_is_read_wherever_the_reading_begins(database: str) -> None:
    put(database, parcel(0), parcel(1), parcel(0, "other"))
    number = seqs(database)
    assert reading(database, 0, 10)[0] == ["p0", "other0"]
    assert reading(database, number["p0"], 10)[0] == ["other0"]
    with psycopg.connect(database) as connection:
        connection.execute("update journal.outbox set attempts = 1, not_before = now() + '1 h' where seq = %s", [number["p0"]])
    assert reading(database, 0, 10)[0] == ["other0"]
    with psycopg.connect(database) as connection:
        connection.execute("update journal.outbox set not_before = now() where seq = %s", [number["p0"]])
    assert reading(database, number["p1"], 10)[0] == ["p0", "other0"]  # its time has come, wherever one stands


def test_a_retry_further_off_than_any_wait_has_come_since_the_clock_was_set_back(database: str) -> None:
    put(database, parcel(0))
    with psycopg.connect(database) as connection:
        connection.execute("update journal.outbox set attempts = 1, not_before = now() + '3 days'")
    assert reading(database, 0, 10)[0] == ["p0"]


def test_a_reading_tells_how_far_it_came_and_what_was_too_large(database: str) -> None:
    big = b"x" * (BYTES // 2 + 1)
    put(database, *(parcel(0, f"k{n}", body=big) for n in range(3)), *(parcel(n, "k0") for n in range(1, 4)))
    number = seqs(database)
    found, read = reading(database, 0, 5)
    assert (found, read.left, read.last, read.end) == (["k00", "k10"], (number["k20"],), number["k02"], False)
    found, read = reading(database, read.last, 5, [due.hash for due in read.heads], read.left)
    assert (found, read.left, read.last, read.end) == (["k20"], (), number["k03"], True)


def test_an_idle_destination_is_not_looked_at(database: str) -> None:
    idle, far = [True], Far()
    put(database, parcel(0))

    async def then(_: Any) -> None:
        assert far.got == []
        idle.clear()
        for _round in range(500):
            if far.got:
                return
            await asyncio.sleep(0.01)
        pytest.fail("it stayed idle")

    deliver(database, {"ehr": far}, lambda: True, then=then, idle=lambda: bool(idle))
