"""All destinations' couriers: started, replaced on a deployment, drained. Each has its own task, connection and limits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from uuid import UUID

from engine.deliver.courier import Courier
from engine.deliver.ledger import Ledger
from engine.deliver.lookout import Lookout
from engine.deliver.route import Route
from engine.deliver.trying import longest
from engine.journal.lease import CLASS, SECONDS, Leases
from engine.journal.line import Line
from engine.types import Outcome, Site

__all__ = ["Couriers", "Route"]


class Couriers:
    """Delivers for one process. Destinations are leased: each is served by one process at a time."""

    def __init__(self, dsn: str, site: Site, lease: float = SECONDS) -> None:
        self._dsn, self._site = dsn, site
        self._leases = Leases(Line(dsn, "deliver"), "to", 0, lease, CLASS + 1)
        self._running: dict[str, tuple[Courier, asyncio.Task[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lookout = Lookout(dsn, self._news)
        self._looking: asyncio.Task[None] | None = None

    async def start(self, routes: Sequence[Route]) -> None:
        """Takes the leases and begins to deliver."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._leases.start)
        self._looking = asyncio.create_task(self._lookout.run(), name="lookout")
        await self.follow(routes)

    async def follow(self, routes: Sequence[Route], seconds: float = 10.0) -> None:
        """Serves these routes from now on; one that is unchanged goes on undisturbed, one that is gone is drained."""
        wanted: Mapping[str, Route] = {route.name: route for route in routes}
        gone = [name for name, (courier, _) in self._running.items() if wanted.get(name) != courier.route]
        await asyncio.gather(*(self._end(name, seconds) for name in gone))
        await asyncio.to_thread(self._leases.extend, list(wanted))
        for name, route in wanted.items():
            if name not in self._running:
                ledger = Ledger(self._dsn, name, longest(route))
                courier = Courier(route, ledger, self._site, lambda name=name: self._owner(name))  # type: ignore[misc]
                self._running[name] = courier, asyncio.create_task(courier.run(), name=f"to {name}")

    def wake(self, _: Mapping[UUID, Outcome] | None = None) -> None:
        """There may be parcels; may be called from any thread (`journal.listen(couriers.wake)`)."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._lookout.look)

    async def stop(self, seconds: float = 30.0) -> None:
        """Sends nothing new, waits so long for what is in flight, and hands the leases back."""
        await asyncio.gather(*(self._end(name, seconds) for name in list(self._running)))
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        await asyncio.to_thread(self._leases.stop)

    def _news(self, names: Sequence[str] | None) -> None:
        """Wakes those that have something new; all when it is not known which."""
        for name in list(self._running) if names is None else names:
            if name in self._running:
                self._running[name][0].wake()

    async def _end(self, name: str, seconds: float) -> None:
        courier, task = self._running.pop(name)
        courier.end()
        await task
        await courier.close(seconds)

    def _owner(self, name: str) -> int:
        return self._leases.owner if f"to {name}" in self._leases.held() else 0
