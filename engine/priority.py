"""Who goes first on a busy processor: an acknowledgement, then the work that follows it, then what takes a processor for long.

Being nice says how much one gets, not how soon: since Linux 6.6 a process that has just been given the processor keeps it for its slice
(1.4 to 3 ms, looked at every 4 ms), whatever has woken up behind it. Whoever asks for a long slice gives way at once to what has a
shorter one, and gets no less in total. An acknowledgement wakes six processes one after the other, so it counts six times.

Source: sched(7), sched_setattr(2), sched_runtime of a normal policy (Linux 6.12: 100 us to 100 ms); before that it says nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct

WORK = (2, 0.02)  # nice and slice (s) of what follows an acknowledgement; what does not ask has the system's slice
LONG = (10, 0.1)  # of what takes a processor for long, the nice on top of its parent's
ATTR = struct.Struct("=IIQiIQQQ")  # size, policy, flags, nice, priority, runtime (ns), deadline, period
NUMBER = {"x86_64": 314, "aarch64": 274, "riscv64": 274}  # of the system call sched_setattr


def step_back(nice: int, slice: float, batch: bool = False) -> None:
    """Makes this thread, and the threads and processes it begins from now on, nicer by `nice`, with a slice of so many seconds; with
    `batch` it takes a processor from nobody when it wakes up. What the system does not know is left."""
    if hasattr(os, "nice"):
        os.nice(nice)
    if not hasattr(os, "SCHED_BATCH"):
        return
    policy = os.SCHED_BATCH if batch else os.SCHED_OTHER
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, policy, os.sched_param(0))
    number = NUMBER.get(os.uname().machine)
    if number is not None:
        asked = ATTR.pack(ATTR.size, policy, 0, os.getpriority(os.PRIO_PROCESS, 0), 0, round(slice * 1e9), 0, 0)
        with contextlib.suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).syscall(number, 0, asked, 0)
