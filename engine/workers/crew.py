"""The processes that work for one engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from engine.live import Live
from engine.settings import Settings
from engine.types import Outcome
from engine.workers.counters import Families, together
from engine.workers.member import Member
from engine.workers.wire import Told, outcomes
from engine.written import Written

OFTEN = 0.2  # seconds between two words to slow work that quick messages come
SCRAPE = 2.0  # seconds a process has to tell its counters; what it told last stands where it is late


class Crew:
    """So many processes for quick work, and one for slow work. Made before this process has threads: they are forked from it and share
    what it has loaded. They work once `begin` gives them a database."""

    def __init__(self, settings: Settings, live: Live) -> None:
        self.heard: Callable[[dict[UUID, Outcome]], None] = lambda _: None  # called with what they have committed
        self._members: list[Member] = []
        self._spared = 0.0  # when slow work last heard of quick messages
        for slow in (*[False] * settings.workers, True):
            self._members.append(Member(settings, slow, self._heard))
        for at, member in enumerate(self._members):
            member.fork(live, self._members[:at])

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

    def wake(self, kinds: Collection[bool]) -> None:
        """There may be work of these kinds to claim; while quick messages come, slow work leaves a processor to them."""
        for member in self._members:
            if member.slow in kinds:
                member.hint("wake")
        if False in kinds and (now := time.monotonic()) - self._spared > OFTEN:
            self._spared = now
            for member in self._members:
                if member.slow:
                    member.hint("spare")

    def outdate(self, name: str) -> None:
        """What the plug-in of this name holds of the database is out of date."""
        for member in self._members:
            member.send("stale", name)

    def deploy(self, written: Written | None) -> set[str]:
        """Has them take the channels as they are `written`; the digests of what they deployed ("" of one that did not answer)."""
        return set(self._each(lambda member: member.deploy(written)))

    def counted(self) -> Families:
        """What they have counted together."""
        return together(self._each(lambda member: member.counted(SCRAPE)))

    def stop(self, seconds: float) -> None:
        """Ends them, each with its batch finished."""
        self._each(lambda member: member.stop(seconds))

    def _heard(self, told: Told) -> None:
        self.heard(outcomes(told))

    def _each(self, act: Callable[[Member], Any]) -> list[Any]:
        with ThreadPoolExecutor(len(self._members)) as threads:
            return list(threads.map(act, self._members))
