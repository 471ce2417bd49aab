"""A courier serves one destination: parcels of a key leave one after the other, those of different keys side by side.

Only the first parcel of a key is ever in hand. The next one leaves after the receipt of the one before is on disk, so that a crash
repeats a parcel but never puts it behind a later one. A failing head keeps back its own key and nothing else. Receipts share a commit:
while one is written, others arrive; what is next of their keys is read together. Whoever no longer holds the destination's lease
neither sends nor writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import psycopg

from engine.deliver.ledger import BYTES, Due, Ledger, Sent
from engine.deliver.place import LOOK, Place
from engine.deliver.route import Route
from engine.deliver.trying import Trying
from engine.log import failed, log
from engine.metrics import delivered
from engine.types import Site

PAGE = 256  # parcels looked at in one reading
AHEAD = 128  # heads that are ready, beyond which none are read
GATHER = 0.003  # seconds in which receipts join others in a commit
REST = 0.5  # seconds after the database was away, or the lease another's


class Courier:
    """One destination's tasks. `holds` answers the owner number while the lease is ours, and 0 otherwise."""

    def __init__(self, route: Route, ledger: Ledger, site: Site, holds: Callable[[], int]) -> None:
        self.route, self._ledger, self._site, self._holds = route, ledger, site, holds
        self._trying = Trying(route, site, holds)
        self._wake = asyncio.Event()
        self._ending = False
        self._hand: set[int] = set()  # hashes of the keys whose head is ready, on its way, or back and not noted yet
        self._ready: deque[Due] = deque()
        self._flying: dict[int, asyncio.Task[Sent]] = {}
        self._back: list[Sent] = []
        self._named: list[int] = []  # first parcels of their keys, to be read
        self._place = Place(time.monotonic())
        self._more = True  # there may be something behind our place
        self._look_at = 0.0

    def wake(self) -> None:
        """Something may be due."""
        self._more = True
        self._wake.set()

    async def run(self) -> None:
        """Serves until `end`; a database that is away, or a bug, is met with patience."""
        while not self._ending:
            try:
                await self._round()
            except (psycopg.Error, OSError) as error:
                failed("deliveries wait for the database", error, destination=self.route.name)
                await self._rest()
            except Exception as error:
                failed("a courier failed and goes on", error, destination=self.route.name)
                await self._rest()

    def end(self) -> None:
        """Sends nothing new; `run` returns."""
        self._ending = True
        self._wake.set()

    async def close(self, seconds: float) -> None:
        """Waits so long for what is in flight, notes it, and closes; the rest leaves again later."""
        if self._flying:
            _, late = await asyncio.wait(list(self._flying.values()), timeout=seconds)
            for task in late:
                task.cancel()
        try:
            await self._note()
        except psycopg.Error as error:
            failed("receipts could not be noted; their parcels leave again", error, destination=self.route.name)
        await self._trying.close()
        await self._ledger.close()

    async def _round(self) -> None:
        await self._note()
        if self._holds() == 0 or self._resting():
            self._drop()
        else:
            await self._read()
            self._launch()
        await self._wait()

    def _resting(self) -> bool:
        return self.route.idle is not None and not self._hand and self.route.idle()

    def _room(self) -> bool:
        return len(self._ready) < AHEAD and sum([len(due.parcel.body) for due in self._ready]) < BYTES

    async def _read(self) -> None:
        """Takes in hand what is due, as far as there is room; without room, sees now and then whether there is a pause."""
        now = time.monotonic()
        if now >= self._look_at:
            self._more, self._look_at = True, now + LOOK
            if self._place.is_old(now):
                self._place.anew(now)
            if not self._room() and (await self._ledger.read(0, 0)).paused:
                self._drop()
                return
        if not (self._more or self._named) or not self._room():
            return
        named, self._named, self._more = self._named, [], False
        read = await self._ledger.read(self._place.after, PAGE, list(self._hand), named)
        self._place.moved(read.last, read.end, time.monotonic() - now)
        if read.paused:
            self._drop()
            return
        for due in read.heads:
            self._hand.add(due.hash)
            self._ready.append(due)
        self._named += read.left
        self._more |= not read.end

    def _launch(self) -> None:
        if self._ending or time.monotonic() < self._trying.quiet:
            return
        while self._ready and len(self._flying) < self.route.parallel:
            due = self._ready.popleft()
            task = self._flying[due.hash] = asyncio.create_task(self._trying.send(due))
            task.add_done_callback(partial(self._landed, due.hash))

    def _landed(self, hash: int, task: asyncio.Task[Sent]) -> None:
        if self._flying.get(hash) is not task:
            return  # it was given up
        del self._flying[hash]
        if task.cancelled():
            self._hand.discard(hash)
            return
        self._back.append(task.result())
        self._launch()
        self._wake.set()

    async def _wait(self) -> None:
        """Waits for something to happen, and a moment longer for receipts that are about to come."""
        if (self._more or self._named) and self._room() and self._holds() and not self._resting():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._look_at - time.monotonic())):
                await self._wake.wait()
        self._wake.clear()
        if self._back and self._flying and not self._ending:
            await asyncio.sleep(GATHER)

    async def _note(self) -> None:
        """Notes all that has come back; what follows it is read next."""
        if not self._back:
            return
        back, self._back = self._back, []
        owner = self._holds()
        noted = await self._ledger.note(back, owner) if owner else None
        written = noted.written if noted is not None else ()
        now = self._site.now()
        for sent in back:
            self._hand.discard(sent.due.hash)
            if sent.due.seq in written:
                outcome = "accepted" if sent.fault is None else "retried" if sent.wait is not None else "dead"
                delivered(self.route.name, outcome, sent.due.parcel.meta.get("message", ""), now)
            if sent.wait is not None:
                self._look_at = min(self._look_at, time.monotonic() + sent.wait)
        if noted is not None and noted.written:
            self._named += noted.next
        if len(written) == len(back):
            return
        if written:  # the others were replaced by newer bytes on their way, which are read now
            self._place.anew(time.monotonic())
            self._more = True
            return
        count = len(back)
        log("deliveries were not ours to note any more", "warning", destination=self.route.name, count=count)
        await self._rest()

    def _drop(self) -> None:
        """Lets go of what is not on its way."""
        for due in self._ready:
            self._hand.discard(due.hash)
        self._ready.clear()
        self._named.clear()
        now = time.monotonic()
        self._place.anew(now)
        self._more, self._look_at = False, now + LOOK

    async def _rest(self) -> None:
        """Lets go of everything, and begins anew in a moment."""
        for task in self._flying.values():
            task.cancel()
        self._flying.clear()
        self._back.clear()
        self._hand.clear()
        self._ready.clear()
        self._drop()
        if not self._ending:
            await asyncio.sleep(REST)
        self._look_at = 0.0
