"""The processes that work for one engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from engine.settings import Settings
from engine.types import Outcome
from engine.workers.counters import Families, together
from engine.workers.member import Member
from engine.workers.wire import outcomes

SCRAPE = 2.0  # seconds a process has to tell its counters; what it told last stands where it is late


class Crew:
    """So many processes. They load while the engine starts, and work once `begin` gives them a database."""

    def __init__(self, settings: Settings, heard: Callable[[dict[UUID, Outcome]], None]) -> None:
        self._members = [Member(settings, lambda told: heard(outcomes(told))) for _ in range(settings.workers)]

    @property
    def alive(self) -> bool:
        """Whether every process works."""
        return all(member.alive for member in self._members)

    @property
    def in_hand(self) -> int:
        """How many messages they work on."""
        return sum(member.in_hand for member in self._members)

    def begin(self, dsn: str) -> set[str]:
        """Has them work; the digests of what they have deployed ("" of one that did not begin in time)."""
        return set(self._each(lambda member: member.begin(dsn)))

    def wake(self) -> None:
        """There may be something to claim."""
        for member in self._members:
            member.send("wake")

    def outdate(self, name: str) -> None:
        """What the plug-in of this name holds of the database is out of date."""
        for member in self._members:
            member.send("stale", name)

    def deploy(self) -> set[str]:
        """Has them take the channels as they stand; the digests of what they deployed ("" of one that did not answer)."""
        return set(self._each(Member.deploy))

    def counted(self) -> Families:
        """What they have counted together."""
        return together(self._each(lambda member: member.counted(SCRAPE)))

    def stop(self, seconds: float) -> None:
        """Ends them, each with its batch finished."""
        self._each(lambda member: member.stop(seconds))

    def _each(self, act: Callable[[Member], Any]) -> list[Any]:
        if not self._members:
            return []
        with ThreadPoolExecutor(len(self._members)) as threads:
            return list(threads.map(act, self._members))
