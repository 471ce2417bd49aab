"""The committer: many connections' arrivals in one commit, for sources that live on an event loop.

What is for slow work (ECGs) is stored by a thread and over a line of its own: a message of results never waits for its bytes. A future is
answered only after its commit was heard of. It implements engine.types.Intake.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from prometheus_client import Counter

from engine.fault import Fault, Kind
from engine.journal.groups import STOPPED, Answers, Future, Groups, Limits, Part
from engine.journal.journal import BOTH, Journal
from engine.journal.look import outcome
from engine.journal.values import KINDS
from engine.types import Arrival, Outcome, Receipt

HELD_BACK = Counter("engine_held_back", "Times that a source waited because too much waits to be stored or worked")
FULL = Fault(Kind.BUSY, "E625", "too many messages wait to be stored; this one was not", help="send it again later")
LATE = Fault(Kind.INTERRUPTED, "E626", "the message is stored but its processing takes longer than the answer can wait")


RECENT = 1024  # outcomes remembered


class Committer:
    """Gathers arrivals into commits. `start` is called on the event loop whose sources it serves."""

    def __init__(self, journal: Journal, limits: Limits | None = None) -> None:
        self._journal, self._limits = journal, limits or Limits()
        self._lanes = {
            slow: Groups(partial(journal.accept, slow=slow), self._tell, self._limits, f"committer {KINDS[slow]}")
            for slow in BOTH
        }
        self._stopping = False
        self._told = threading.Lock()  # over the two that follow
        self._waiters: dict[UUID, list[asyncio.Future[Outcome]]] = {}
        self._recent: OrderedDict[UUID, Outcome] = OrderedDict()

    def start(self) -> None:
        """Begins to take arrivals."""
        self._loop = asyncio.get_running_loop()
        self._journal.listen(self._settled)
        for lane in self._lanes.values():
            lane.start()

    def stop(self) -> None:
        """Stores what waits, refuses what comes, and ends."""
        self._stopping = True
        for lane in self._lanes.values():
            lane.ask_to_stop()
        for lane in self._lanes.values():
            lane.join()

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        """Makes the arrivals durable, in order; returns after the commit."""
        if self._waiting > self._limits.refuse * self._limits.waiting:
            return [FULL] * len(arrivals)
        future: Future = self._loop.create_future()
        lane = self._lanes[any(arrival.slow for arrival in arrivals)]
        return await future if lane.put(arrivals, future) else [STOPPED] * len(arrivals)

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

    @property
    def _waiting(self) -> int:
        return sum(lane.waiting for lane in self._lanes.values())

    def _crowded(self) -> bool:
        limits, size = self._limits, sum(lane.bytes for lane in self._lanes.values())
        return self._waiting > limits.waiting or size > limits.waiting_bytes or self._journal.pending > limits.pending

    def _tell(self, group: Sequence[Part], answers: Answers) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it everybody who waited
            self._loop.call_soon_threadsafe(_answer, group, answers)

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


def _answer(group: Sequence[Part], answers: Answers) -> None:
    start = 0
    for part in group:
        if not part.future.done():
            part.future.set_result(list(answers[start : start + len(part.arrivals)]))
        start += len(part.arrivals)


def _resolve(heard: list[tuple[asyncio.Future[Outcome], Outcome]]) -> None:
    for future, told in heard:
        if not future.done():
            future.set_result(told)
