"""The committer: many connections' arrivals in one commit, for sources that live on an event loop.

Its thread takes all that waits, commits, and takes again: the slower the disk, the larger the groups. A future is answered only
after its commit was heard of. It implements engine.types.Intake.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from prometheus_client import Counter

from engine.fault import Fault, Kind
from engine.journal.journal import Journal
from engine.journal.look import outcome
from engine.log import failed
from engine.types import Arrival, Outcome, Receipt

HELD_BACK = Counter("engine_held_back", "Times that a source waited because too much waits to be stored or worked")
Future = asyncio.Future[list[Receipt | Fault]]
STOPPED = Fault(Kind.UNAVAILABLE, "E624", "the engine is stopping; the message was not stored", help="send it again")
FULL = Fault(Kind.BUSY, "E625", "too many messages wait to be stored; this one was not", help="send it again later")
BROKEN = Fault(
    Kind.INTERRUPTED, "E621", "storing the message failed in a way that leaves its outcome unknown", help="send it again"
)
LATE = Fault(Kind.INTERRUPTED, "E626", "the message is stored but its processing takes longer than the answer can wait")


RECENT = 1024  # outcomes remembered


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait before sources are held back (`ready`), and how much before they are refused."""

    group: int = 512  # messages in one commit
    group_bytes: int = 8 * 1024 * 1024
    waiting: int = 2_000  # messages not yet stored
    waiting_bytes: int = 32 * 1024 * 1024
    pending: int = 20_000  # messages stored and not yet worked
    refuse: int = 4  # times `waiting`: a source that does not ask `ready` meets a fault


class Committer:
    """Gathers arrivals into commits. `start` is called on the event loop whose sources it serves."""

    def __init__(self, journal: Journal, limits: Limits | None = None) -> None:
        self._journal, self._limits = journal, limits or Limits()
        self._queue: deque[tuple[Sequence[Arrival], Future]] = deque()
        self._waiting, self._bytes = 0, 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._told = threading.Lock()  # over the two that follow
        self._waiters: dict[UUID, list[asyncio.Future[Outcome]]] = {}
        self._recent: OrderedDict[UUID, Outcome] = OrderedDict()

    def start(self) -> None:
        """Begins to take arrivals."""
        self._loop = asyncio.get_running_loop()
        self._journal.listen(self._settled)
        self._thread.start()

    def stop(self) -> None:
        """Stores what waits, refuses what comes, and ends."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        """Makes the arrivals durable, in order; returns after the commit."""
        future: Future = self._loop.create_future()
        size = sum(len(arrival.body) for arrival in arrivals)
        with self._changed:
            if self._stopping:
                return [STOPPED] * len(arrivals)
            if self._waiting > self._limits.refuse * self._limits.waiting:
                return [FULL] * len(arrivals)
            self._queue.append((arrivals, future))
            self._waiting += len(arrivals)
            self._bytes += size
            self._changed.notify()
        return await future

    async def ready(self) -> None:
        """Waits while too much waits to be stored or worked."""
        if self._crowded():
            HELD_BACK.inc()
        while self._crowded() and not self._stopping:
            await asyncio.sleep(0.02)

    async def settled(self, id: UUID, timeout: float) -> Outcome | Fault:
        """Waits until the message is processed, filtered or held."""
        future: asyncio.Future[Outcome] = self._loop.create_future()
        with self._told:
            if (known := self._recent.get(id)) is not None:
                return known
            self._waiters.setdefault(id, []).append(future)
        until = time.monotonic() + timeout
        try:
            pause = 0.2
            while (left := until - time.monotonic()) > 0:
                done, _ = await asyncio.wait([future], timeout=min(left, pause))
                if done:
                    return future.result()
                known = await asyncio.to_thread(outcome, self._journal.dsn, id)  # an old one, or worked by another process
                if known is not None:
                    return known
                pause = 2.0 if self._journal.alone else 0.2
            return LATE
        finally:
            self._forget(id, future)

    def _crowded(self) -> bool:
        limits = self._limits
        return self._waiting > limits.waiting or self._bytes > limits.waiting_bytes or self._journal.pending > limits.pending

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._stopping:
                    self._changed.wait()
                group = self._take()
            if not group:
                return
            arrivals = [arrival for part, _ in group for arrival in part]
            try:
                answers = self._journal.accept(arrivals)
            except Exception as error:
                failed("messages could not be stored", error)
                answers = [BROKEN] * len(arrivals)
            with self._changed:
                self._waiting -= len(arrivals)
                self._bytes -= sum(len(arrival.body) for arrival in arrivals)
            self._tell(group, answers)

    def _take(self) -> list[tuple[Sequence[Arrival], Future]]:
        group, count, size = [], 0, 0
        while self._queue and count < self._limits.group and size < self._limits.group_bytes:
            part = self._queue.popleft()
            group.append(part)
            count += len(part[0])
            size += sum(len(arrival.body) for arrival in part[0])
        return group

    def _tell(self, group: list[tuple[Sequence[Arrival], Future]], answers: list[Receipt | Fault]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it everybody who waited
            self._loop.call_soon_threadsafe(self._answer, group, answers)

    def _answer(self, group: list[tuple[Sequence[Arrival], Future]], answers: list[Receipt | Fault]) -> None:
        start = 0
        for part, future in group:
            if not future.done():
                future.set_result(answers[start : start + len(part)])
            start += len(part)

    def _forget(self, id: UUID, future: asyncio.Future[Outcome]) -> None:
        with self._told:
            waiters = [one for one in self._waiters.get(id, ()) if one is not future]
            if waiters:
                self._waiters[id] = waiters
            else:
                self._waiters.pop(id, None)

    def _settled(self, outcomes: dict[UUID, Outcome]) -> None:
        """Called by the worker's thread: wakes the loop only when somebody there waits."""
        with self._told:
            self._recent.update(outcomes)
            while len(self._recent) > RECENT:
                self._recent.popitem(last=False)
            heard = [(future, told) for id, told in outcomes.items() for future in self._waiters.get(id, ())]
        if heard:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_resolve, heard)


def _resolve(heard: list[tuple[asyncio.Future[Outcome], Outcome]]) -> None:
    for future, told in heard:
        if not future.done():
            future.set_result(told)
