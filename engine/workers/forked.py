"""A process forked from this one: it has what is loaded here, at once, and shares that memory as long as neither changes it.

Only for a process that has no thread yet and no connection: a lock that another thread holds would never be let go in the child.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from engine.log import failed

STEP = 0.02  # seconds between two looks whether it has ended


class Forked:
    """The process as its parent sees it, spoken to as `subprocess.Popen` is. Any thread may."""

    def __init__(self, work: Callable[[], None]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _live(work)
        self.returncode: int | None = None
        self._looking = threading.Lock()

    def poll(self) -> int | None:
        """How it ended, as `subprocess` tells it; None while it lives."""
        with self._looking:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended; raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("worker", timeout or 0.0)
            time.sleep(STEP)
        return code

    def kill(self) -> None:
        """Ends it at once."""
        with self._looking:
            if self.returncode is None:
                os.kill(self.pid, signal.SIGKILL)


def _live(work: Callable[[], None]) -> NoReturn:
    """The child's whole life; it never returns to what its parent was doing."""
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        work()
    except BaseException as error:
        failed("a worker process failed", error)
        os._exit(1)
    os._exit(0)
