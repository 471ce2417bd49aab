"""Who commits together is stored, refused or told, each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pg_proxy import Proxy
from rows_stored import stored

from engine.fault import Fault
from engine.journal import Committer, Journal, Limits, Settlement
from engine.types import Arrival, Receipt, State

Make = Callable[..., Arrival]


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
