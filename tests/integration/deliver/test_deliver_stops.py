"""Delivery that is paused, fenced or ended stops there, and loses nothing."""

from __future__ import annotations

import asyncio

import psycopg

from engine.deliver import Couriers, Route, desk, pause, resume, waiting
from engine.fault import Fault
from engine.types import JSON, Parcel
from tests.integration.deliver.far_side import QUICK, SITE, Far, after, deliver, left, parcel, put


def test_a_paused_destination_waits_and_goes_on(database: str) -> None:
    far = Far()
    with psycopg.connect(database, autocommit=True) as connection:
        pause(connection, "ehr", "the receiver is upgraded")
        put(database, parcel(0))

        async def go_on(couriers: Couriers) -> None:
            assert far.got == []
            assert [(one.destination, one.count, one.paused) for one in waiting(connection)] == [("ehr", 1, True)]
            assert desk.paused(connection) == ["ehr"]
            assert resume(connection, "ehr")
            couriers.wake()
            while await asyncio.to_thread(left, database):
                await asyncio.sleep(0.01)

        deliver(database, {"ehr": far}, lambda: True, then=go_on)
    assert far.got == ["p0"]


def test_a_pause_is_heeded_though_much_is_in_hand(database: str) -> None:
    async def slow(parcel: Parcel, n: int) -> JSON | Fault:
        await asyncio.sleep(0.05)
        return {}

    far = Far(slow)
    put(database, *(parcel(0, f"k{n}") for n in range(400)))

    async def stop(_: Couriers) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            pause(connection, "ehr")
        await asyncio.sleep(1.5)
        sent = len(far.got)
        await asyncio.sleep(0.3)
        assert len(far.got) == sent

    deliver(database, {"ehr": far}, lambda: bool(far.got), then=stop)
    assert left(database) > 100


def test_a_process_that_lost_its_lease_neither_sends_nor_writes(database: str) -> None:
    async def run() -> None:
        gate = asyncio.Event()
        far, other = Far(after(gate)), Far()
        sleeper = Couriers(database, SITE)
        await sleeper.start([Route("ehr", far, QUICK)])
        put(database, parcel(0), parcel(1))
        sleeper.wake()
        while not far.got:
            await asyncio.sleep(0.01)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("update journal.lease set owner = 1, epoch = epoch + 1 where name = 'to ehr'")
            gate.set()
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert far.got == ["p0"] or set(far.got) == {"p0"}
            assert left(database) == 2
            await sleeper.stop(1)
            connection.execute("update journal.lease set owner = 0, until = '-infinity' where name = 'to ehr'")
        heir = Couriers(database, SITE)
        await heir.start([Route("ehr", other, QUICK)])
        while await asyncio.to_thread(left, database):
            await asyncio.sleep(0.01)
        await heir.stop(1)
        assert other.got == ["p0", "p1"]

    asyncio.run(run())


def test_what_is_in_flight_at_the_end_is_finished_and_noted(database: str) -> None:
    async def run() -> None:
        gate = asyncio.Event()
        far = Far(after(gate))
        couriers = Couriers(database, SITE)
        await couriers.start([Route("ehr", far, QUICK)])
        put(database, parcel(0), parcel(1))
        couriers.wake()
        while not far.got:
            await asyncio.sleep(0.01)
        ending = asyncio.create_task(couriers.stop(30))
        await asyncio.sleep(0.05)
        gate.set()
        await ending
        assert far.got == ["p0"]
        assert left(database) == 1

    asyncio.run(run())
