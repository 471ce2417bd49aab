"""A strict channel checks messages against the standard's own tables, in a process of its own, and answers with what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.traffic import hospital
from engine.fault import Fault
from engine.intake import KeyedIntake
from engine.run import Plan
from engine.slow import Slow
from engine.types import Arrival, Outcome, Receipt
from engine.uuid7 import uuid7

GOOD = next(iter(hospital(3, 1)))
BAD = GOOD.replace(b"PID|1||", b"PID|x||").replace(b"|A01|", b"||")


class Kept:
    """Keeps what the journal would be given."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        self.arrivals += arrivals
        return [Receipt(one.id, fault=one.fault) for one in arrivals]

    async def settled(self, id: UUID, timeout: float) -> Outcome | Fault:
        raise AssertionError

    async def ready(self) -> None:
        return None


def arrive(*bodies: bytes, strict: bool) -> list[Arrival]:
    async def main() -> list[Arrival]:
        slow, kept = Slow(1), Kept()
        plan = Plan("lab", "1", Hl7v2(), (), strict=strict, key=lambda scope: "k")
        intake = KeyedIntake(kept, lambda: {"lab": plan}, slow.run)
        try:
            await intake.accept([Arrival(uuid7(), "lab", "hl7v2", body, datetime.now(UTC)) for body in bodies])
        finally:
            slow.stop()
        return kept.arrivals

    return asyncio.run(main())


def test_a_conformant_message_passes_and_a_wrong_one_is_kept_with_every_fault() -> None:
    good, bad = arrive(GOOD, BAD, strict=True)
    assert good.fault is None
    assert bad.fault is not None
    places = {fault.at for fault in bad.fault.all()}
    assert any(place.startswith("PID") for place in places), places
    assert bad.body == BAD


def test_a_channel_that_is_not_strict_takes_what_can_be_read() -> None:
    assert [one.fault for one in arrive(GOOD, BAD, strict=False)] == [None, None]


def test_a_process_that_dies_is_a_fault_and_the_next_work_is_done() -> None:
    import os

    async def main() -> list[Any]:
        slow = Slow(1)
        try:
            return [
                await slow.run(os._exit, 3),
                await slow.run(abs, -2),
                await slow.run(_sleep, 30, timeout=1.0),
                await slow.run(abs, -3),
            ]
        finally:
            slow.stop()

    died, two, late, three = asyncio.run(main())
    assert (died.code, two, late.code, three) == ("E293", 2, "E292", 3)


def _sleep(seconds: float) -> None:
    import time

    time.sleep(seconds)
