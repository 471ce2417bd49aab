"""The sources that run, following the deployment: unchanged ones are left alone, others are drained and started anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from engine.deployment import Deployment
from engine.fault import Fault
from engine.log import failed, log
from engine.types import Intake, Running

DRAIN = 10.0


class Sources:
    """Running sources by channel."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._running: dict[str, tuple[Any, Running]] = {}
        self._broken: dict[str, Fault] = {}

    async def follow(self, deployment: Deployment) -> list[Fault]:
        """Brings what runs to what is deployed. A source that cannot be bound is a fault of its channel and stops no other."""
        wanted = {name: channel.source for name, channel in deployment.channels.items() if channel.source is not None}
        await self._drain([name for name, (source, _) in self._running.items() if wanted.get(name) != source], DRAIN)
        self._broken.clear()
        for name, source in wanted.items():
            if name in self._running:
                continue
            started = await source.serve(name, deployment.site, self._intake)
            if isinstance(started, Fault):
                self._broken[name] = started
                log("a source could not start", "error", channel=name, code=started.code)
            else:
                self._running[name] = (source, started)
                log("a source listens", channel=name, address=started.address)
        return list(self._broken.values())

    def addresses(self) -> dict[str, str]:
        """Where each channel listens."""
        return {name: running.address for name, (_, running) in self._running.items()}

    def broken(self) -> dict[str, Fault]:
        """The sources that could not start."""
        return dict(self._broken)

    def connections(self) -> dict[str, int]:
        """How many connections are open, by protocol, of sources that count them."""
        found: dict[str, int] = {}
        for source, running in self._running.values():
            ledger = getattr(running, "ledger", None)
            if ledger is not None:
                name = type(source).__name__.lower()
                found[name] = found.get(name, 0) + len(ledger.open)
        return found

    async def drain(self, seconds: float) -> None:
        """Stops them all, each finishing what it holds; so many seconds for all of them."""
        await self._drain(list(self._running), seconds)

    async def _drain(self, names: Sequence[str], seconds: float) -> None:
        gone = [self._running.pop(name)[1] for name in names]
        for error in await asyncio.gather(*(running.drain(seconds) for running in gone), return_exceptions=True):
            if isinstance(error, Exception):
                failed("a source did not stop cleanly", error)
