"""The sources that run, following the deployment: unchanged ones are left alone, others are drained and started anew.

One that cannot start (its address is taken, or not this machine's yet) is tried again until it can.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from engine.deployment import Deployment
from engine.fault import Fault
from engine.log import failed, log
from engine.types import Intake, Running

DRAIN = 10.0
AGAIN = 5.0  # seconds until those that could not start are tried again


class Sources:
    """Running sources by channel. `late` is called when one listens that could not start at first."""

    def __init__(self, intake: Intake, late: Callable[[], None] = lambda: None) -> None:
        self._intake, self._late = intake, late
        self._running: dict[str, tuple[Any, Running]] = {}
        self._broken: dict[str, Fault] = {}
        self._changing = asyncio.Lock()
        self._ended = asyncio.Event()
        self._trying: asyncio.Task[None] | None = None

    async def follow(self, deployment: Deployment) -> list[Fault]:
        """Brings what runs to what is deployed. A source that cannot be bound is a fault of its channel and stops no other."""
        wanted = {name: channel.source for name, channel in deployment.channels.items() if channel.source is not None}
        async with self._changing:
            await self._drain([name for name, (source, _) in self._running.items() if wanted.get(name) != source], DRAIN)
            self._deployment, self._broken = deployment, await self._start(deployment, list(wanted))
        for name, fault in self._broken.items():
            log("a source could not start", "error", channel=name, code=fault.code)
        if self._broken and self._trying is None:
            self._trying = asyncio.create_task(self._try_again())
        return list(self._broken.values())

    async def _start(self, deployment: Deployment, names: Sequence[str]) -> dict[str, Fault]:
        """Starts those that do not run; the faults of those that could not."""
        broken: dict[str, Fault] = {}
        for name in names:
            if name in self._running:
                continue
            source = deployment.channels[name].source
            assert source is not None
            started = await source.serve(name, deployment.site, self._intake)
            if isinstance(started, Fault):
                broken[name] = started
            else:
                self._running[name] = (source, started)
                log("a source listens", channel=name, address=started.address)
        return broken

    async def _try_again(self) -> None:
        """Starts what could not start, as soon as it can."""
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), AGAIN)
            try:
                await self._those_left()
            except Exception as error:
                failed("a source could not be tried again", error)

    async def _those_left(self) -> None:
        async with self._changing:
            before = list(self._broken)
            if before and not self._ended.is_set():
                self._broken = await self._start(self._deployment, before)
        if len(self._broken) < len(before):
            self._late()

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
        self._ended.set()
        async with self._changing:
            await self._drain(list(self._running), seconds)

    async def _drain(self, names: Sequence[str], seconds: float) -> None:
        gone = [self._running.pop(name)[1] for name in names]
        for error in await asyncio.gather(*(running.drain(seconds) for running in gone), return_exceptions=True):
            if isinstance(error, Exception):
                failed("a source did not stop cleanly", error)
