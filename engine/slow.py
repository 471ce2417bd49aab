"""Work that takes a processor for long (strict checks, ECGs) runs in processes of its own, so that the quick messages stay quick."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from engine.fault import Fault, Kind

LATE = Fault(
    Kind.INTERRUPTED,
    "E292",
    "the work took too long and was given up",
    help="the message is kept; replay it when there is less to do",
)
BROKEN = Fault(Kind.FAULT, "E293", "the process that worked on it ended", help="the message is kept; replay it")


NICE = 10  # slow work steps back where quick work wants the processor
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def alone() -> None:
    """Makes this process one that steps back and works with one thread: there is one such process for each processor."""
    for name in THREADS:
        os.environ[name] = "1"
    if hasattr(os, "nice"):
        os.nice(NICE)


class Slow:
    """A few processes, started when they are first needed and started anew when one dies."""

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers or min(4, os.cpu_count() or 1)
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    async def run(self, function: Callable[..., Any], *given: Any, timeout: float = 30.0) -> Any:
        """The function's result; a Fault when it took too long or its process died. An exception of its own is raised here."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._submit(function, given)), timeout)
        except TimeoutError:
            self.stop(wait=False)
            return LATE
        except BrokenProcessPool:
            self.stop(wait=False)
            return BROKEN

    def call(self, function: Callable[..., Any], *given: Any, timeout: float = 60.0) -> Any:
        """The same for a thread: waits for the result."""
        try:
            return self._submit(function, given).result(timeout)
        except TimeoutError:
            self.stop(wait=False)
            return LATE
        except (BrokenProcessPool, CancelledError):
            self.stop(wait=False)
            return BROKEN

    def stop(self, wait: bool = True) -> None:
        """Ends the processes."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            children = list((getattr(pool, "_processes", None) or {}).values())
            pool.shutdown(wait=wait, cancel_futures=True)
            for child in children if not wait else ():
                child.kill()

    def _submit(self, function: Callable[..., Any], given: tuple[Any, ...]) -> Future[Any]:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._workers, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=2000, initializer=alone
                )
            return self._pool.submit(function, *given)
