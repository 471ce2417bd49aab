"""An acknowledgement goes before the work behind it, and that before what takes a processor for long."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.journal.line import Line
from engine.priority import APART, PROMPT, SLICE, WORK, go_first, step_back
from engine.slow import Slow

GET = {"x86_64": 315, "aarch64": 275}.get(platform.machine())  # sched_getattr(2)
KERNEL = tuple(int(part) for part in platform.release().split(".")[:2]) if platform.system() == "Linux" else (0, 0)


def seen(pid: int = 0) -> tuple[int, int, float]:
    """Policy, nice and slice (s) of a process, or of the thread that calls, as the system tells them."""
    told = ctypes.create_string_buffer(56)
    assert GET is not None
    assert ctypes.CDLL(None).syscall(GET, pid, told, 56, 0) == 0
    _, policy, _, nice, _, runtime, *_ = struct.unpack("IIQiIQQQII", told.raw)
    return policy, nice, runtime / 1e9


def stepped_back() -> tuple[int, int, float]:
    """The same once it has stepped back as a worker process does."""
    step_back(WORK)
    return seen()


def session() -> tuple[bool, str]:
    """Whether this process has a session of its own, and how nice the system takes that to be."""
    return os.getsid(0) == os.getpid(), Path("/proc/self/autogroup").read_text().strip().rpartition("-")[2].partition(" ")[2]


def now() -> int:
    """How nice the thread is that calls."""
    return os.nice(0)


def in_a_thread(function: Callable[[], tuple[int, int, float]]) -> tuple[int, int, float]:
    """Its result in a thread that ends: none can become less nice again."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A process for what takes a processor for long."""
    one = Slow(1)
    yield one
    one.stop(wait=False)


@pytest.mark.skipif(GET is None or KERNEL < (6, 12), reason="a slice of one's own is Linux 6.12")
def test_what_takes_long_gives_way_at_once_and_what_follows_an_acknowledgement_has_the_usual_slice(slow: Slow) -> None:
    answers, works, long = seen(), in_a_thread(stepped_back), slow.call(seen)
    assert answers[2] == works[2] < long[2] == SLICE
    assert (works[0], long[0]) == (os.SCHED_OTHER, os.SCHED_BATCH)


def test_an_acknowledgement_goes_before_its_work_and_that_before_what_takes_long(slow: Slow) -> None:
    answers, long = now(), slow.call(now)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(step_back, WORK).result()
        works = thread.submit(now).result()
    assert answers < works < long


@pytest.mark.skipif(not os.access("/proc/self/autogroup", os.W_OK), reason="the system does not share out between sessions")
def test_what_takes_long_uses_up_no_share_of_the_session_that_acknowledges(slow: Slow) -> None:
    assert slow.call(session) == (True, f"nice {APART}")


@pytest.mark.skipif(GET is None or KERNEL < (6, 12), reason="a slice of one's own is Linux 6.12")
def test_the_servers_process_that_stores_what_comes_in_goes_before_its_others(database: str) -> None:
    first, other = Line(database, "first", first=True), Line(database, "other")
    try:
        policy, nice, slice = seen(first.get().info.backend_pid)
        assert (policy, slice) == (os.SCHED_OTHER, PROMPT)
        assert seen(other.get().info.backend_pid) == (policy, nice, in_a_thread(seen)[2])
    finally:
        first.drop()
        other.drop()


@pytest.mark.skipif(GET is None or KERNEL < (6, 12), reason="a slice of one's own is Linux 6.12")
def test_no_process_but_a_database_servers_is_made_to_go_first() -> None:
    before = seen(os.getpid())
    go_first(os.getpid())
    go_first(2**22)
    assert seen(os.getpid()) == before
