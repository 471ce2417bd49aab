"""Groups: what many connections bring is committed together by one thread, which takes all that waits, commits, and takes again: the slower
the disk, the larger the groups.

Small arrivals share a commit. A large one has a commit of its own, in turn with theirs, so that a small one waits for one of them at
most: 150 kB take PostgreSQL five times as long as a message of results does.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.fault import Fault, Kind
from engine.log import failed
from engine.types import Arrival, Receipt

Future = asyncio.Future[list[Receipt | Fault]]
Answers = Sequence[Receipt | Fault]
STOPPED = Fault(Kind.UNAVAILABLE, "E624", "the engine is stopping; the message was not stored", help="send it again")
BROKEN = Fault(
    Kind.INTERRUPTED, "E621", "storing the message failed in a way that leaves its outcome unknown", help="send it again"
)
LARGE = 32 * 1024  # bytes from which arrivals are committed by themselves


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait before sources are held back (`ready`), and how much before they are refused."""

    group: int = 512  # messages in one commit
    group_bytes: int = 8 * 1024 * 1024
    waiting: int = 2_000  # messages not yet stored
    waiting_bytes: int = 32 * 1024 * 1024
    pending: int = 20_000  # messages stored and not yet worked
    refuse: int = 4  # times `waiting`: a source that does not ask `ready` meets a fault


@dataclass(frozen=True, slots=True)
class Part:
    """What one call brought: it is stored in one commit, in order."""

    arrivals: Sequence[Arrival]
    future: Future
    size: int  # bytes


class Groups:
    """A thread that stores; `tell` is called from it with each group and its answers."""

    def __init__(
        self,
        store: Callable[[Sequence[Arrival]], list[Receipt | Fault]],
        tell: Callable[[Sequence[Part], Answers], None],
        limits: Limits,
        name: str,
    ) -> None:
        self._store, self._tell, self._limits = store, tell, limits
        self._small: deque[Part] = deque()
        self._large: deque[Part] = deque()
        self._large_next = False
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.waiting, self.bytes = 0, 0

    def start(self) -> None:
        """Begins to store."""
        self._thread.start()

    def put(self, arrivals: Sequence[Arrival], future: Future) -> bool:
        """Has them stored in one commit; False once it is stopping."""
        part = Part(arrivals, future, sum(len(arrival.body) for arrival in arrivals))
        with self._changed:
            if self._stopping:
                return False
            (self._large if part.size >= LARGE else self._small).append(part)
            self.waiting += len(arrivals)
            self.bytes += part.size
            self._changed.notify()
        return True

    def ask_to_stop(self) -> None:
        """Takes nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self) -> None:
        """Waits until what was taken is stored."""
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._small or self._large or self._stopping):
                    self._changed.wait()
                group = self._take()
            if not group:
                return
            arrivals = [arrival for part in group for arrival in part.arrivals]
            try:
                answers = self._store(arrivals)
            except Exception as error:
                failed("messages could not be stored", error)
                answers = [BROKEN] * len(arrivals)
            with self._changed:
                self.waiting -= len(arrivals)
                self.bytes -= sum(part.size for part in group)
            self._tell(group, answers)

    def _take(self) -> list[Part]:
        """A large one, or as many small ones as fit."""
        large = bool(self._large) and (self._large_next or not self._small)
        self._large_next = not large
        if large:
            return [self._large.popleft()]
        group: list[Part] = []
        count, size = 0, 0
        while self._small and count < self._limits.group and size < self._limits.group_bytes:
            group.append(self._small.popleft())
            count += len(group[-1].arrivals)
            size += group[-1].size
        return group
