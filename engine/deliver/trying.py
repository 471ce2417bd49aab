"""One try to deliver: through the destination's open sender, bounded in time, its failure told as a fault with the wait that follows."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from engine.deliver.ledger import Due, Sent
from engine.deliver.route import Route
from engine.deliver.schedule import spread
from engine.fault import Fault, Kind
from engine.log import failed, log
from engine.types import JSON, Sender, Site

PATIENCE = 60.0  # seconds that a far side may ask for, or the longest wait of its schedule where that is more
HUNG = 300.0  # seconds after which a sender that does not return is given up


class Trying:
    """The way to one destination, opened when it is needed. `quiet` is when the far side may be spoken to again (monotonic seconds)."""

    def __init__(self, route: Route, site: Site, holds: Callable[[], int]) -> None:
        self.route, self._site, self._holds = route, site, holds
        self._sender: Sender | None = None
        self.quiet = 0.0

    async def send(self, due: Due) -> Sent:
        """What became of a parcel."""
        answer = await self.attempt(due)
        if not isinstance(answer, Fault):
            return Sent(due, receipt=answer)
        wait = self.route.retry.wait(due.failed + 1) if answer.kind.answer.retry else None
        state = "dead" if wait is None else "waiting"
        log("a delivery failed", "warning", destination=self.route.name, code=answer.code, attempt=due.failed + 1, state=state)
        if wait is None:
            return Sent(due, fault=answer)
        asked = min(answer.again, _most(self.route))
        if not self.route.apart:
            self.quiet = max(self.quiet, time.monotonic() + asked)
        return Sent(due, fault=answer, wait=max(asked, spread(wait, random.random())))  # noqa: S311 - only spreads load

    async def attempt(self, due: Due) -> JSON | Fault:
        """The receipt, or the fault; a sender that raises or hangs is a fault, too."""
        if not self._holds():
            return Fault(Kind.INTERRUPTED, "E702", "the destination is served by another process now")
        try:
            sender = await self._open()
            if isinstance(sender, Fault):
                return sender
            async with asyncio.timeout(HUNG):
                return await sender.send(due.parcel)
        except (OSError, TimeoutError) as error:
            await self.close()
            return Fault(
                Kind.UNAVAILABLE, "E703", f"the destination cannot be reached ({type(error).__name__})", help="it is tried again"
            )
        except Exception as error:
            failed("a sender failed", error, destination=self.route.name)
            return Fault(
                Kind.FAULT,
                "E704",
                f"the sender itself failed with {type(error).__name__}",
                help="report it, then send the parcel again",
            )

    async def _open(self) -> Sender | Fault:
        if self._sender is None:
            opened = await self.route.destination.open(self._site)
            if isinstance(opened, Fault):
                return opened
            self._sender = opened
        return self._sender

    async def close(self) -> None:
        """Closes the sender."""
        sender, self._sender = self._sender, None
        if sender is not None:
            try:
                await sender.close()
            except Exception as error:
                failed("a sender did not close", error, destination=self.route.name)


def _most(route: Route) -> float:
    return max(route.retry.most, PATIENCE)


def longest(route: Route) -> float:
    """Seconds that no try of a route is put off for."""
    return spread(_most(route), 1.0)
