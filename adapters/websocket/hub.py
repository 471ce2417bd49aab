"""The hub: the one reader of the feed's table in a process. It tells every socket what is new, each event encoded once.

It looks when a commit is heard of and otherwise several times a second, and only while somebody listens. Numbers are given in the
order of commits, so everything up to its position has been told. A reader whose socket is full is not waited for; readers that are
merely many are, so that a burst cuts off nobody who keeps up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from prometheus_client import Counter, Gauge

from adapters.websocket.ask import Wanted
from adapters.websocket.event import Told, choose, heartbeat, told
from adapters.websocket.reader import MOST, SLOW, Reader
from adapters.websocket.sql import sql
from engine.fault import Fault, Kind

LOOK = 0.25  # seconds between looks without a wake-up
REST = 0.01  # seconds at least between two looks
PAGE = 250  # events read at once
BEAT = 15.0  # seconds between heartbeats
READERS = 5_000
NEWEST = (1 << 63) - 1
FULL = Fault(Kind.BUSY, "E760", "this server has as many readers as it can tell", help="try again later, or use another one")
AWAY = Fault(Kind.UNAVAILABLE, "E764", "the feed cannot be read just now", help="connect again in a moment, with last_event_id")
UNKNOWN = Fault(
    Kind.CONFLICT, "E758", "this server has published no such event", "last_event_id",
    "its database was replaced or restored: read what is stored anew, then connect without last_event_id",
)  # fmt: skip

CLIENTS = Gauge("engine_ws_clients", "Readers of the live feeds connected now")
DROPPED = Counter("engine_ws_dropped", "Readers of the live feeds cut off for being too slow")
EVENTS = Counter("engine_ws_events", "Events read for the live feeds")
_log = logging.getLogger("isthmus.feeds")


class Hub:
    """Readers of one process. All of it lives on one event loop."""

    def __init__(self, pool: Any, after_commit: Callable[[Callable[[], None]], None] | None, beat: float = BEAT) -> None:
        self._pool, self._beat = pool, beat
        self._readers: dict[Wanted, set[Reader]] = {}
        self._wake = asyncio.Event()
        self._started = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._catching = asyncio.Semaphore(2)  # look-ups for readers that resume, of the pool's connections
        self.position = 0  # everything up to here has been told
        self.oldest = 0
        self.count = 0
        if after_commit is not None:
            after_commit(self._committed)

    async def start(self) -> Fault | None:
        """Begins to look, with what is newest now; a Fault when there is no room for another reader."""
        if self.count >= READERS:
            return FULL
        async with self._started:
            if self._task is None or self._task.done():
                self._loop = asyncio.get_running_loop()
                await self._span()
                self._task = asyncio.create_task(self._run(), name="feeds")
        return None

    async def join(self, reader: Reader, after: int) -> AsyncIterator[str]:
        """What the reader has missed since `after`, page by page at its own pace; once it is told, the reader stands among the others."""
        while after < self.position:
            until = self.position
            rows = await self._page(reader.wanted, after, until)
            for each in rows:
                after = each.number
                yield each.text
            if len(rows) < PAGE:
                after = until
        self._readers.setdefault(reader.wanted, set()).add(reader)
        self.count += 1
        CLIENTS.set(self.count)

    def leave(self, reader: Reader) -> None:
        """The reader has gone; may be called for one that never joined."""
        group = self._readers.get(reader.wanted, set())
        if reader in group:
            group.discard(reader)
            self.count -= 1
            CLIENTS.set(self.count)
        if not group:
            self._readers.pop(reader.wanted, None)

    async def reach(self, number: int) -> Fault | None:
        """Waits until the hub stands where the reader does (another process may have told it more); a Fault when nobody has been there."""
        if number > self.position and number > int((await self._rows("span", {}))[0][1]):
            return UNKNOWN
        for _ in range(1000):
            if number <= self.position:
                return None
            self._wake.set()
            await asyncio.sleep(REST)
        return AWAY

    async def oldest_kept(self) -> int:
        """The number of the oldest event that can still be told; 0 when there is none."""
        row = await self._rows("span", {})
        self.oldest = int(row[0][0])
        return self.oldest

    async def _span(self) -> None:
        row = await self._rows("span", {})
        self.oldest, self.position = int(row[0][0]), max(self.position, int(row[0][1]))

    async def _page(self, wanted: Wanted, after: int, until: int) -> list[Told]:
        asked = {
            "after": after, "until": until, "limit": PAGE, "topics": list(wanted.topics), "patients": list(wanted.patients),
            "channels": list(wanted.channels), "types": list(wanted.types), "severities": list(wanted.severities),
        }  # fmt: skip
        async with self._catching:
            return [told(row) for row in await self._rows("after", asked)]

    async def _rows(self, name: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
        async with self._pool.connection(timeout=10) as connection:
            return list(await (await connection.execute(sql(name), asked)).fetchall())

    def _committed(self) -> None:
        """From the worker's thread: there may be something new."""
        if self._loop is not None and self.count:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._wake.set)

    async def _run(self) -> None:
        """Looks until nobody has listened for a while; the next reader starts it again."""
        idle, beat = 0.0, time.monotonic() + self._beat
        while idle < 10.0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK)
            self._wake.clear()
            idle = 0.0 if self.count else idle + LOOK
            try:
                while await self._look():
                    await self._room()
            except Exception as error:  # the database is away: readers wait, and miss nothing
                _log.warning("the feeds wait for the database", extra={"fields": {"reason": type(error).__name__}})
                await asyncio.sleep(1.0)
            if time.monotonic() >= beat:
                beat = time.monotonic() + self._beat
                self._tell_all([heartbeat(self.position)])
            await asyncio.sleep(REST)

    async def _look(self) -> bool:
        """Reads a page and tells it; says whether there may be more."""
        everything: dict[str, Any] = {"topics": [], "patients": [], "channels": [], "types": [], "severities": []}
        asked: dict[str, Any] = {"after": self.position, "until": NEWEST, "limit": PAGE, **everything}
        events = [told(row) for row in await self._rows("after", asked)]
        if not events:
            return False
        EVENTS.inc(len(events))
        for wanted, readers in self._readers.items():
            if texts := choose(events, wanted):
                self._tell(readers, texts)
        self.position = events[-1].number
        return len(events) == PAGE

    def _tell_all(self, texts: list[str]) -> None:
        for readers in self._readers.values():
            self._tell(readers, texts)

    def _tell(self, readers: set[Reader], texts: list[str]) -> None:
        for reader in readers:
            if not reader.offer(texts) and reader.cut is SLOW and not reader.told:
                reader.told = True
                DROPPED.inc()
                _log.warning("a reader of the feeds is cut off", extra={"fields": {"code": SLOW.code}})

    async def _room(self) -> None:
        """Waits for readers that have much before them and whose sockets take more: it is we who are slow, not they."""
        while any(len(each) > MOST // 2 and not each.sending for group in self._readers.values() for each in group):
            await asyncio.sleep(REST)
