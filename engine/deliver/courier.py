"""A courier serves one destination: parcels of a key leave one after the other, those of different keys side by side.

The next parcel of a key leaves only after the receipt of the one before is on disk, so that a crash repeats a parcel but never puts
it behind a later one. A failing head keeps back its own key and nothing else. Receipts of many keys share a commit. Whoever no
longer holds the destination's lease neither sends nor writes.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from engine.deliver.ledger import Due, Ledger, Sent
from engine.deliver.schedule import Schedule, spread
from engine.fault import Fault, Kind
from engine.log import failed, log
from engine.metrics import delivered
from engine.types import JSON, Destination, Sender, Site

AHEAD = 128  # parcels read at once
EACH, MOST = 8, 1024  # of one key, and in hand, where the reading is fair
LOOK = 1.0  # seconds between two looks for what became due
PATIENCE = 60.0  # seconds that a far side may ask for, or the longest wait of its schedule where that is more
HUNG = 300.0  # seconds after which a sender that does not return is given up


@dataclass(frozen=True, slots=True)
class Route:
    """A destination by name, with its retry schedule and how many keys it serves side by side.

    `fair` reads the next few parcels of every key instead of the oldest of all, so that the backlog of one key keeps no other from
    being read; `idle` says that nothing can be due, which spares the look.
    """

    name: str
    destination: Destination
    retry: Schedule
    parallel: int = 4
    fair: bool = False
    idle: Callable[[], bool] | None = None


class Courier:
    """One destination's tasks. `holds` answers the owner number while the lease is ours, and 0 otherwise."""

    def __init__(self, route: Route, ledger: Ledger, site: Site, holds: Callable[[], int]) -> None:
        self.route, self._ledger, self._site, self._holds = route, ledger, site, holds
        self._wake = asyncio.Event()
        self._ending = False
        self._sender: Sender | None = None
        self._flying: dict[int, tuple[Due, asyncio.Task[Sent]]] = {}  # by hash of the key
        self._queues: dict[int, deque[Due]] = {}
        self._after = 0
        self._look_at = 0.0
        self._quiet = 0.0  # until then nothing is sent, as the far side has asked

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Serves until `end`; a database that is away, or a bug, is met with patience."""
        while not self._ending:
            try:
                await self._round()
            except (psycopg.Error, OSError) as error:
                failed("deliveries wait for the database", error, destination=self.route.name)
                self._forget()
                await asyncio.sleep(0.5)
            except Exception as error:
                failed("a courier failed and goes on", error, destination=self.route.name)
                self._forget()
                await asyncio.sleep(0.5)

    def end(self) -> None:
        """Sends nothing new; `run` returns."""
        self._ending = True
        self._wake.set()

    async def close(self, seconds: float) -> None:
        """Waits so long for what is in flight, notes it, and closes; the rest leaves again later."""
        if self._flying:
            done, late = await asyncio.wait([task for _, task in self._flying.values()], timeout=seconds)
            for task in late:
                task.cancel()
            try:
                await self._note([task.result() for task in done])
            except psycopg.Error as error:
                failed("receipts could not be noted; their parcels leave again", error, destination=self.route.name)
        await self._close_sender()
        await self._ledger.close()

    async def _round(self) -> None:
        if self._resting() or self._holds() == 0 or await self._ledger.is_paused():
            self._restart()
        else:
            await self._fill()
            self._launch()
        await self._harvest()

    def _resting(self) -> bool:
        return self.route.idle is not None and not self._flying and self.route.idle()

    async def _fill(self) -> None:
        if time.monotonic() >= self._look_at:
            self._restart()
        if self.route.fair:
            if sum(map(len, self._queues.values())) < MOST:
                for due in await self._ledger.heads([*self._flying, *self._queues], AHEAD, EACH):
                    self._queues.setdefault(due.hash, deque()).append(due)
            return
        if sum(map(len, self._queues.values())) >= AHEAD // 2:
            return
        flying = {due.seq for due, _ in self._flying.values()}
        for due in await self._ledger.due(self._after, AHEAD):
            self._after = due.seq
            if due.seq not in flying:
                self._queues.setdefault(due.hash, deque()).append(due)

    def _launch(self) -> None:
        if time.monotonic() < self._quiet:
            return
        for hash in list(self._queues):
            if len(self._flying) >= self.route.parallel:
                return
            if hash not in self._flying:
                queue = self._queues[hash]
                due = queue.popleft()
                if not queue:
                    del self._queues[hash]
                self._flying[hash] = due, asyncio.create_task(self._send(due))

    async def _harvest(self) -> None:
        """Waits for something to happen, then notes all that has come back."""
        waker = asyncio.ensure_future(self._wake.wait())
        tasks = [task for _, task in self._flying.values()]
        await asyncio.wait(
            {waker, *tasks}, timeout=max(0.0, self._look_at - time.monotonic()), return_when=asyncio.FIRST_COMPLETED
        )
        waker.cancel()
        self._wake.clear()
        back = [task.result() for task in tasks if task.done()]
        if back:
            await self._note(back)

    async def _note(self, back: list[Sent]) -> None:
        owner = self._holds()
        written = await self._ledger.note(back, owner) if owner else set()
        now = self._site.now()
        for sent in back:
            self._flying.pop(sent.due.hash, None)
            if sent.due.seq in written:
                outcome = "accepted" if sent.fault is None else "retried" if sent.wait is not None else "dead"
                delivered(self.route.name, outcome, sent.due.parcel.meta.get("message", ""), now)
            if sent.wait is not None:
                self._queues.pop(sent.due.hash, None)  # what follows waits with it
                self._look_at = min(self._look_at, time.monotonic() + sent.wait)
            elif sent.due.failed:
                self._look_at = 0.0  # while it waited, what follows it was passed over: it is read before anything behind it
        if len(written) < len(back):
            log(
                "deliveries were not ours to note any more",
                "warning",
                destination=self.route.name,
                count=len(back) - len(written),
            )
            self._forget()

    def _restart(self) -> None:
        """Reads the queue from its start again: for retries whose time has come, and for what others have queued late."""
        self._queues.clear()
        self._after = 0
        self._look_at = time.monotonic() + LOOK

    def _forget(self) -> None:
        self._restart()
        for _, task in self._flying.values():
            task.cancel()
        self._flying.clear()

    async def _send(self, due: Due) -> Sent:
        answer = await self._try(due)
        if not isinstance(answer, Fault):
            return Sent(due, receipt=answer)
        wait = self.route.retry.wait(due.failed + 1) if answer.kind.answer.retry else None
        state = "dead" if wait is None else "waiting"
        log("a delivery failed", "warning", destination=self.route.name, code=answer.code, attempt=due.failed + 1, state=state)
        if wait is not None:
            asked = min(answer.again, max(self.route.retry.most, PATIENCE))
            if not self.route.fair:  # where it is, each key is a far side of its own
                self._quiet = max(self._quiet, time.monotonic() + asked)
            return Sent(due, fault=answer, wait=max(asked, spread(wait, random.random())))  # noqa: S311 - only spreads load
        return Sent(due, fault=answer)

    async def _try(self, due: Due) -> JSON | Fault:
        if not self._holds():
            return Fault(Kind.INTERRUPTED, "E702", "the destination is served by another process now")
        try:
            sender = await self._open_sender()
            if isinstance(sender, Fault):
                return sender
            return await asyncio.wait_for(sender.send(due.parcel), HUNG)
        except (OSError, TimeoutError) as error:
            await self._close_sender()
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

    async def _open_sender(self) -> Sender | Fault:
        if self._sender is None:
            opened = await self.route.destination.open(self._site)
            if isinstance(opened, Fault):
                return opened
            self._sender = opened
        return self._sender

    async def _close_sender(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            try:
                await sender.close()
            except Exception as error:
                failed("a sender did not close", error, destination=self.route.name)
