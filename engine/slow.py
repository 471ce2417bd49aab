"""Work that takes a processor for long (strict checks, ECGs) runs in processes of its own, so that the quick messages stay quick.

Each process works on one thing at a time, over a pipe of its own: one that takes too long, stands still or dies is ended and started anew,
and the others never notice.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine import heap
from engine.fault import Fault, Kind
from engine.later import Later
from engine.priority import APART, LONG, SLICE, apart, step_back

LATE = Fault(
    Kind.INTERRUPTED,
    "E292",
    "the work took too long and was given up",
    help="the message is kept; replay it when there is less to do",
)
BROKEN = Fault(  # it may be a victim, so it is tried again like what was late
    Kind.INTERRUPTED, "E293", "the processes that worked on it ended", help="the message is kept; replay it after the repair"
)


THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MOST = 2000  # works after which a process is started anew
STILL = 5.0  # seconds without any processor time after which a process is taken for one that hangs
SPARED = 0.5  # seconds after a quick message for which one process fewer works
SETTLED = (1, 4, 16)  # works after which what was loaded stays, and is not looked through for garbage again


def alone() -> None:
    """Makes this process one that steps back and works with one thread: there is one such process for each processor."""
    for name in THREADS:
        os.environ[name] = "1"
    step_back(LONG, SLICE)
    apart(APART)
    heap.keep()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine ends it once what it works on is done


def serve(pipe: Connection) -> None:
    """Answers each function with whether it returned, and what; ends with the pipe."""
    alone()
    works = 0
    while True:
        try:
            function, given = pipe.recv()
            answer = (True, function(*given))
        except EOFError:
            return
        except Exception as error:
            answer = (False, error)
        try:
            pipe.send(answer)
        except (BrokenPipeError, ConnectionError):
            return
        except Exception as error:  # what cannot travel
            pipe.send((False, RuntimeError(f"the answer cannot be handed over ({type(error).__name__})")))
        works += 1
        if works in SETTLED:
            heap.stay()


def spent(pid: int) -> str:
    """What tells whether a process has worked: the clock ticks it has used, and its state where it waits for a disk; '' where the system
    does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return f"{fields[11]} {fields[12]} {time.monotonic() if fields[0] == 'D' else ''}"


class Hand:
    """One process, started when it is first needed. Used by one thread at a time, save `kill`.

    With `still` (s), one that uses no processor for so long is ended, and another one does its work.
    """

    def __init__(self, still: float = 0.0) -> None:
        self._still = still
        self._process: Any = None
        self._pipe: Connection | None = None
        self._works = 0
        self.stopped = False  # for good: what it ends of is not begun again

    def work(self, function: Callable[..., Any], given: tuple[Any, ...], until: float) -> Any:
        """The function's result, E292 when it is not there in time, E293 when two processes ended with it; its exception is raised."""
        found = self._once(function, given, until)
        again = found is BROKEN and not self.stopped
        return self._once(function, given, until) if again else found

    def _once(self, function: Callable[..., Any], given: tuple[Any, ...], until: float) -> Any:
        if self.stopped:
            return BROKEN
        pipe = self._ready()
        try:
            pipe.send((function, given))
            if not self._answers(pipe, until):
                self.end()
                return LATE if time.monotonic() >= until else BROKEN
            done, value = pipe.recv()
        except (EOFError, OSError):
            self.end()
            return BROKEN
        self._works += 1
        if done:
            return value
        raise value

    def _answers(self, pipe: Connection, until: float) -> bool:
        """Whether an answer comes in time; it is no longer waited for from a process that stands still."""
        before, pid = "", self._process.pid
        while (left := until - time.monotonic()) > 0:
            if pipe.poll(min(left, self._still) if self._still else left):
                return True
            now = spent(pid)
            if self._still and now and now == before:
                return False
            before = now
        return bool(pipe.poll(0))

    def _ready(self) -> Connection:
        """The pipe to a process that lives."""
        if self._pipe is not None and (self._works >= MOST or not self._process.is_alive()):
            self.end()
        if self._pipe is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=serve, args=(theirs,), name="isthmus slow", daemon=True)
            self._process.start()
            theirs.close()
            self._works = 0
        return self._pipe

    def kill(self) -> None:
        """Ends the process at once, whatever it does; the thread that waits for it is told."""
        process = self._process
        if process is not None:
            process.kill()

    def end(self) -> None:
        """Ends the process."""
        self.kill()
        if self._pipe is not None:
            self._pipe.close()
            self._process.join()
        self._pipe = self._process = None


class Slow:
    """A few processes, one for each processor. A work waits for a free one; what it waits counts as its time.

    `spare` leaves one processor to others for a while: with two processes, what they do then takes up to twice as long.
    """

    def __init__(self, workers: int = 0) -> None:
        count = workers or min(4, os.cpu_count() or 1)
        self._hands = [Hand(STILL) for _ in range(count)]
        self._free: queue.LifoQueue[Hand] = queue.LifoQueue()
        for hand in self._hands:
            self._free.put(hand)
        self._later = Later(Hand())
        self._gate = threading.Condition()
        self._busy, self._spared = 0, 0.0  # how many work; until when one fewer does
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="slow")

    def spare(self, seconds: float = SPARED) -> None:
        """For so long no work begins that would leave no processor to others."""
        self._spared = time.monotonic() + seconds

    async def run(self, function: Callable[..., Any], *given: Any, timeout: float = 30.0) -> Any:
        """The function's result; a Fault when it took too long or its process died. An exception of its own is raised here."""
        until = time.monotonic() + timeout
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._work, function, given, until)
        done, _ = await asyncio.wait([work], timeout=timeout + 1.0)
        if not done:
            work.cancel()  # it has not begun: all threads wait for others
            return LATE
        return work.result()

    def call(self, function: Callable[..., Any], *given: Any, timeout: float = 60.0, patience: float | None = None) -> Any:
        """The same for a thread: waits for the result; with `patience` (s) no longer than that, in a process beside the others.

        E296 says then that the work goes on: who asks for the same again gets its result.
        """
        if patience is not None:
            return self._later.call(function, given, timeout, patience)
        return self._work(function, given, time.monotonic() + timeout)

    def _work(self, function: Callable[..., Any], given: tuple[Any, ...], until: float) -> Any:
        if not self._enters(until):
            return LATE
        try:
            hand = self._free.get(timeout=max(0.0, until - time.monotonic()))
            try:
                return hand.work(function, given, until)
            finally:
                self._free.put(hand)
        except queue.Empty:
            return LATE
        finally:
            with self._gate:
                self._busy -= 1
                self._gate.notify()

    def _enters(self, until: float) -> bool:
        """Waits for its turn; False when that does not come in time."""
        with self._gate:
            while self._busy >= max(1, len(self._hands) - (time.monotonic() < self._spared)):
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._gate.wait(min(left, SPARED))
            self._busy += 1
            return True

    def stop(self, wait: bool = True, seconds: float = 10.0) -> None:
        """Ends the processes; those that work are given some seconds when asked to wait."""
        until = time.monotonic() + (seconds if wait else 0.0)
        self._later.stop()
        idle: list[Hand] = []
        with contextlib.suppress(queue.Empty):
            while len(idle) < len(self._hands):
                left = until - time.monotonic()
                idle.append(self._free.get(timeout=left) if left > 0 else self._free.get_nowait())
        for hand in idle:
            hand.end()
            self._free.put(hand)
        for hand in self._hands:
            if hand not in idle:
                hand.stopped = True
                hand.kill()
