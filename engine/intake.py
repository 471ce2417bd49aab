"""What sources hand messages to: works out the order key with the channel's plan, then makes the arrivals durable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from engine.fault import Fault
from engine.run import Plan
from engine.types import Arrival, Intake, Outcome, Receipt


class KeyedIntake:
    """An Intake before the journal's. A message whose key cannot be read is kept under its sender, so it still has an order."""

    def __init__(self, journal: Intake, plans: Callable[[], Mapping[str, Plan]]) -> None:
        self._journal, self._plans = journal, plans

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        plans = self._plans()
        return await self._journal.accept([keyed(arrival, plans.get(arrival.channel)) for arrival in arrivals])

    async def settled(self, id: UUID, timeout: float) -> Outcome | Fault:
        return await self._journal.settled(id, timeout)

    async def ready(self) -> None:
        await self._journal.ready()


def keyed(arrival: Arrival, plan: Plan | None) -> Arrival:
    """The arrival with its order key: the channel's own where it states one, else what the format told."""
    if arrival.fault is not None or plan is None or plan.key is None:
        return arrival
    scope = plan.format.parse(arrival.body)
    key = "" if isinstance(scope, Fault) else plan.key(scope)
    return replace(arrival, envelope=replace(arrival.envelope, key=key or arrival.envelope.sender))
