"""What tests of delivery share: a far side that notes what it gets, parcels for it, and couriers that run until something is so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from engine.deliver import Couriers, Route, Schedule
from engine.fault import Fault, Kind
from engine.journal.outbox import post
from engine.types import JSON, Parcel, Sender, Site
from engine.uuid7 import uuid7

QUICK = Schedule(0.01, 0.01, 0.035)  # three waits, then given up
DOWN = Fault(Kind.UNAVAILABLE, "E703", "made up")
REFUSED = Fault(Kind.INCORRECT, "E710", "made up")
SITE = Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)
Answer = Callable[[Parcel, int], Awaitable[JSON | Fault]]


async def yes(parcel: Parcel, n: int) -> JSON | Fault:
    return {"code": "AA"}


def after(gate: asyncio.Event) -> Answer:
    """Answers once the gate is open."""

    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        await gate.wait()
        return {}

    return answer


@dataclass(eq=False)
class Far:
    """A far side that notes what it gets and answers as it is told; `flying` is how many of a key are with it at once."""

    answer: Answer = yes
    got: list[str] = field(default_factory=list)
    flying: dict[str, int] = field(default_factory=dict)
    overlapped: bool = False

    async def open(self, site: Site) -> Sender | Fault:
        return self

    async def send(self, parcel: Parcel) -> JSON | Fault:
        self.flying[parcel.key] = self.flying.get(parcel.key, 0) + 1
        self.overlapped |= self.flying[parcel.key] > 1
        self.got.append(parcel.idem)
        try:
            return await self.answer(parcel, self.got.count(parcel.idem))
        finally:
            self.flying[parcel.key] -= 1

    async def close(self) -> None:
        return None


def put(database: str, *parcels: Parcel) -> int:
    with psycopg.connect(database) as connection:
        return post(connection, [(None, parcel) for parcel in parcels])


def parcel(n: int, key: str = "p", to: str = "ehr", body: bytes = b"x") -> Parcel:
    return Parcel(to, key, f"{key}{n}", body)


def left(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("select count(*) from journal.outbox").fetchone()
        return int(row[0]) if row else -1


def deliver(
    database: str, far: dict[str, Far], until: Callable[[], bool], retry: Schedule = QUICK, then: Any = None, **options: Any
) -> None:
    async def run() -> None:
        couriers = Couriers(database, SITE)
        await couriers.start([Route(name, one, retry, **options) for name, one in far.items()])
        for _ in range(1500):
            if await asyncio.to_thread(until):
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("it did not come to that")
        if then is not None:
            await then(couriers)
        await couriers.stop(1)

    asyncio.run(run())
