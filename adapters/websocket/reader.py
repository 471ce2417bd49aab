"""One reader: what it is still to be told, bounded. Whoever does not keep up is cut off and resumes later, nothing is kept for him."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from adapters.websocket.ask import Wanted
from engine.fault import Fault, Kind

MOST = 1_000  # events
LARGEST = 1_000_000  # characters
SLOW = Fault(
    Kind.BUSY, "E759", "the reader is too slow for its feed", help="connect again with last_event_id; filter more narrowly"
)


class Reader:
    """A bounded queue of texts; `cut` is the fault that ended it."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.cut: Fault | None = None
        self.size = 0
        self.told = False  # that it was cut off
        self.on_end: Callable[[], object] | None = None  # gets whoever waits for its socket out of there
        self.sending = False  # true, seen from outside, means that its socket takes no more just now
        self._texts: deque[str] = deque()
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        return len(self._texts)

    def offer(self, texts: Sequence[str]) -> bool:
        """Adds texts to be told; False when that is more than the bound: they are dropped, all of them, and the reader has ended."""
        if self.cut is not None:
            return False
        size = sum(map(len, texts))
        # one event may exceed the bound alone: an idle reader must be able to get it
        if self._texts and (len(self._texts) + len(texts) > MOST or self.size + size > LARGEST):
            self.end(SLOW)
            return False
        self._texts.extend(texts)
        self.size += size
        self._ready.set()
        return True

    def end(self, fault: Fault) -> None:
        """Ends the reader; `next` raises Ended."""
        self.cut = fault
        self._texts.clear()
        self.size = 0
        self._ready.set()
        if self.sending and self.on_end is not None:
            self.on_end()

    async def next(self) -> str:
        """The next text, when there is one."""
        while not self._texts:
            if self.cut is not None:
                raise Ended
            self._ready.clear()
            await self._ready.wait()
        text = self._texts.popleft()
        self.size -= len(text)
        return text


class Ended(Exception):
    """The reader was cut off."""
