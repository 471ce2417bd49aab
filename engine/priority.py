"""Who goes first on a busy processor: an acknowledgement, then the work that follows it, then what takes a processor for long.

Being nice says how much one gets, not how soon: since Linux 6.6 a process that has just been given the processor keeps it for its slice
(1.4 to 3 ms, looked at every 4 ms), whatever has woken up behind it. Who asks for a longer slice gives way at once to what has a shorter
one: of an acknowledgement's wake-ups 1 in 500 instead of 1 in 100 then waits for such a neighbour. At 25 ms it gets as much in total as
before; at 100 ms, beside many others, half of that.

Where Linux shares a processor out between sessions first (autogroup), nice counts within one only, and what measures would use up the share
of the session that acknowledges. It therefore has a session of its own, a nice one.

Source: sched(7), also on autogroups, sched_setattr(2), sched_runtime of a normal policy (Linux 6.12: 100 us to 100 ms); before that it says nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import time
from pathlib import Path

WORK = 5  # nice of what follows an acknowledgement: a third of its share; it wakes often, so a long slice would cost it more than it is worth
LONG = 10  # of what takes a processor for long, on top of its parent's
APART = 4  # of its session: on a busy machine it gets two fifths of what another one does; to be apart is what counts most
SLICE = 0.025  # seconds that this asks for
PROMPT = 0.0002  # seconds that what an acknowledgement waits for asks for
ATTR = struct.Struct("=IIQiIQQQ")  # size, policy, flags, nice, priority, runtime (ns), deadline, period
AUTOGROUP = Path("/proc/self/autogroup")
TRIES = 20  # the system takes one such wish in a tenth of a second
NUMBER = {"x86_64": 314, "aarch64": 274, "riscv64": 274}  # of the system call sched_setattr


def step_back(nice: int, slice: float = 0.0) -> None:
    """Makes this thread, and the threads and processes it begins from now on, nicer by `nice`; with a slice of so many seconds it also
    takes a processor from nobody when it wakes up. What the system does not know is left."""
    if hasattr(os, "nice"):
        os.nice(nice)
    if not slice or not hasattr(os, "SCHED_BATCH"):
        return
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    _ask(0, os.SCHED_BATCH, slice)


def go_first(pid: int) -> None:
    """Makes a process of the database's server, where it runs beside this one under a user that we may speak for, go first as soon as it
    wakes up: the one that stores what came in waited up to 10 ms behind those that store what became of it."""
    with contextlib.suppress(OSError):
        if hasattr(os, "SCHED_OTHER") and Path(f"/proc/{pid}/comm").read_text().strip() == "postgres":
            _ask(pid, os.SCHED_OTHER, PROMPT)


def _ask(pid: int, policy: int, slice: float) -> None:
    """Asks for slices of so many seconds for a process, or with 0 for this thread, as nice as it is."""
    number = NUMBER.get(os.uname().machine)
    if number is not None:
        asked = ATTR.pack(ATTR.size, policy, 0, os.getpriority(os.PRIO_PROCESS, pid), 0, round(slice * 1e9), 0, 0)
        with contextlib.suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).syscall(number, pid, asked, 0)


def apart(nice: int) -> None:
    """Gives this process a session of its own that is so nice towards all others, where Linux shares out between sessions."""
    if not os.access(AUTOGROUP, os.W_OK) or os.getsid(0) == os.getpid():
        return
    with contextlib.suppress(OSError):
        os.setsid()
        for _ in range(TRIES):
            try:
                AUTOGROUP.write_text(str(nice))
                return
            except BlockingIOError:
                time.sleep(0.1)
