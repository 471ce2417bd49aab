"""Work that nobody may wait long for: it goes on in a process of its own, and its result is taken by who asks for the same again.

So what hangs there delays nothing else: who finds a work that takes too long is told at once that its own comes later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from engine.fault import Fault, Kind

if TYPE_CHECKING:
    from engine.slow import Hand

MOST = 64  # works that wait or whose results do
COMING = Fault(
    Kind.INTERRUPTED, "E296", "the work goes on, and its result is not there yet", help="the message comes again for it"
)


class Later:
    """The works of one process. Used by any thread."""

    def __init__(self, hand: Hand) -> None:
        self.jobs: dict[Any, Future[Any]] = {}
        self._hand = hand
        self._thread = ThreadPoolExecutor(1, "later")
        self._lock = threading.Lock()
        self._since = 0.0  # when the work in hand began; 0 for none

    def call(self, function: Callable[..., Any], given: tuple[Any, ...], timeout: float, patience: float) -> Any:
        """The function's result when it is there within `patience` seconds, else E296; it may work for `timeout` seconds.

        `given` can be hashed: the same function and values are the same work.
        """
        name = (function, given)
        with self._lock:
            job = self.jobs.get(name) or self._begun(function, given, timeout)
            stuck = self._since and time.monotonic() - self._since > patience
        if job is None:
            return COMING
        try:
            job.exception(0 if stuck else patience)  # waits; what the work raised is raised below
        except (TimeoutError, CancelledError):
            return COMING
        with self._lock:
            self.jobs.pop(name, None)
        return job.result()

    def _begun(self, function: Callable[..., Any], given: tuple[Any, ...], timeout: float) -> Future[Any] | None:
        """A new job; None where too many wait, or once it is stopped. A result that nobody has fetched makes room."""
        if self._hand.stopped:
            return None
        if len(self.jobs) >= MOST:
            old = next((key for key, job in self.jobs.items() if job.done()), None)
            if old is None:
                return None
            del self.jobs[old]
        job = self.jobs[function, given] = self._thread.submit(self._work, function, given, timeout)
        return job

    def _work(self, function: Callable[..., Any], given: tuple[Any, ...], timeout: float) -> Any:
        self._since = time.monotonic()
        try:
            return self._hand.work(function, given, self._since + timeout)
        finally:
            self._since = 0.0

    def stop(self) -> None:
        """Ends the process and forgets what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._hand.stopped = True
        self._hand.kill()
        self._thread.shutdown()
        self._hand.end()
