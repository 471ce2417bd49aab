"""Parcels of a key leave in order, through retries and whatever is taken away or passed over meanwhile."""

from __future__ import annotations

import asyncio

import psycopg

from engine.deliver import Couriers, Schedule
from engine.fault import Fault
from engine.types import JSON, Parcel
from tests.integration.deliver.far_side import DOWN, Far, deliver, left, parcel, put


def test_parcels_of_a_key_leave_one_after_the_other_in_order(database: str) -> None:
    async def slow(parcel: Parcel, n: int) -> JSON | Fault:
        await asyncio.sleep(0.001)
        return {}

    far = Far(slow)
    put(database, *(parcel(n, key) for n in range(30) for key in "abc"))
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    for key in "abc":
        assert [idem for idem in far.got if idem[0] == key] == [f"{key}{n}" for n in range(30)]
    assert not far.overlapped


def test_a_failing_head_keeps_back_its_own_key_only_and_comes_first_again(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return DOWN if parcel.idem == "bad0" and n < 3 else {}

    far = Far(answer)
    put(database, parcel(0, "bad"), parcel(1, "bad"), *(parcel(n, "good") for n in range(5)))
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert [idem for idem in far.got if idem.startswith("bad")] == ["bad0", "bad0", "bad0", "bad1"]
    assert [idem for idem in far.got if idem.startswith("good")] == [f"good{n}" for n in range(5)]


def test_a_waiting_head_that_is_taken_away_lets_nothing_overtake_what_follows_it(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return DOWN if parcel.idem == "p0" else {}

    far = Far(answer)
    put(database, parcel(0), parcel(1), parcel(2))

    async def take_away(couriers: Couriers) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("delete from journal.outbox where seq = (select min(seq) from journal.outbox)")
        put(database, parcel(3))
        couriers.wake()
        while await asyncio.to_thread(left, database):
            await asyncio.sleep(0.01)

    waits = Schedule(60.0, 60.0, 600.0)
    deliver(database, {"ehr": far}, lambda: far.got == ["p0"] and failing(database), waits, then=take_away)
    assert far.got == ["p0", "p1", "p2", "p3"]


def failing(database: str) -> bool:
    with psycopg.connect(database) as connection:
        return connection.execute("select from journal.outbox where attempts > 0").fetchone() is not None


def test_the_order_of_a_key_is_kept_through_retries(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return DOWN if parcel.idem in ("p0", "p9") and n < 3 else {}

    far = Far(answer)
    put(database, *(parcel(n) for n in range(20)), *(parcel(n, "q") for n in range(20)))
    deliver(database, {"ehr": far}, lambda: left(database) == 0, parallel=50)
    tried = [idem for idem in far.got if idem[0] == "p"]
    assert tried == ["p0"] * 3 + [f"p{n}" for n in range(1, 9)] + ["p9"] * 3 + [f"p{n}" for n in range(10, 20)]
    assert not far.overlapped


def test_what_was_passed_over_while_its_head_waited_is_not_overtaken_once_it_is_through(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        if parcel.idem == "p0":  # until the page is read in which what follows it is passed over
            while not any(idem.startswith("late") for idem in far.got):
                await asyncio.sleep(0.001)
        return {}

    far = Far(answer)
    early = [parcel(0, f"early{n}-") for n in range(130)]
    late = [parcel(0, f"late{n}-") for n in range(130)]
    put(database, parcel(0), *early, *(parcel(n) for n in range(1, 6)), *late, parcel(6))
    with psycopg.connect(database) as connection:
        connection.execute(
            "update journal.outbox set attempts = 1, not_before = now() where seq = (select min(seq) from journal.outbox)"
        )
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert [idem for idem in far.got if idem.startswith("p")] == [f"p{n}" for n in range(7)]
