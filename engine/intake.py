"""What sources hand messages to: works out the order key with the channel's plan, then makes the arrivals durable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from engine.fault import Fault, Kind, Refused
from engine.metrics import accepted
from engine.run import Plan
from engine.types import Arrival, Envelope, Intake, Outcome, Receipt

LARGEST = 2 * 1024 * 1024  # bytes a strict check takes
MOST = 20  # faults told in one answer
TOO_LARGE = Fault(
    Kind.UNSUPPORTED, "E294", "the message is too large for a strict check", help="send it in parts, or over a channel without it"
)


class KeyedIntake:
    """An Intake before the journal's. A message whose key cannot be read is kept under its sender, so it still has an order."""

    def __init__(self, journal: Intake, plans: Callable[[], Mapping[str, Plan]], slow: Callable[..., Awaitable[Any]]) -> None:
        self._journal, self._plans, self._slow = journal, plans, slow

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        plans = self._plans()
        known = [keyed(arrival, plans.get(arrival.channel)) for arrival in arrivals]
        for index, arrival in enumerate(known):
            plan = plans.get(arrival.channel)
            if plan is not None and plan.strict and arrival.fault is None:
                known[index] = await self._checked(arrival, plan)
        receipts = await self._journal.accept(known)
        accepted(known, receipts, datetime.now(UTC))
        return receipts

    async def _checked(self, arrival: Arrival, plan: Plan) -> Arrival:
        """The arrival with what the standard's own tables say against it; it is kept all the same."""
        check: Any = getattr(plan.format, "strict", None)
        if check is None:
            return arrival
        if len(arrival.body) > LARGEST:
            return replace(arrival, fault=TOO_LARGE)
        found = await self._slow(check, arrival.body)
        faults = (found,) if isinstance(found, Fault) else tuple(found)
        return replace(arrival, fault=replace(faults[0], others=faults[1:MOST])) if faults else arrival

    async def settled(self, id: UUID, timeout: float) -> Outcome | Fault:
        return await self._journal.settled(id, timeout)

    async def ready(self) -> None:
        await self._journal.ready()


def keyed(arrival: Arrival, plan: Plan | None) -> Arrival:
    """The arrival with its order key: the channel's own where it states one, else what the format told."""
    if plan is not None and not arrival.format:
        arrival = _named(arrival, plan)
    if arrival.fault is not None or plan is None or (plan.key is None and not plan.slow):
        return arrival
    if plan.key is None:
        return replace(arrival, slow=True)
    try:
        key = plan.key(arrival.body)
    except Refused:  # it cannot be read: the worker says so
        key = ""
    one, told = arrival, arrival.envelope
    envelope = Envelope(told.type, told.sender, told.control_id, key or told.sender)
    # written out, because `replace` takes three times as long
    return Arrival(one.id, one.channel, one.format, one.body, one.received, envelope, one.peer, one.fault, plan.slow)


def _named(arrival: Arrival, plan: Plan) -> Arrival:
    """An arrival from inside the engine, with the channel's format and the type it tells."""
    told = plan.format.envelope(arrival.body)
    type = arrival.envelope.type if isinstance(told, Fault) else told.type
    return replace(arrival, format=plan.format.name, envelope=replace(arrival.envelope, type=type))
