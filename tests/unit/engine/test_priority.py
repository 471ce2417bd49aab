"""An acknowledgement goes before the work behind it, and that before what takes a processor for long."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.priority import LONG, WORK, step_back
from engine.slow import Slow

GET = {"x86_64": 315, "aarch64": 275}.get(platform.machine())  # sched_getattr(2)
KERNEL = tuple(int(part) for part in platform.release().split(".")[:2]) if platform.system() == "Linux" else (0, 0)


def seen() -> tuple[int, int, float]:
    """Policy, nice and slice (s) of the thread that calls, as the system tells them."""
    told = ctypes.create_string_buffer(56)
    assert GET is not None
    assert ctypes.CDLL(None).syscall(GET, 0, told, 56, 0) == 0
    _, policy, _, nice, _, runtime, *_ = struct.unpack("IIQiIQQQII", told.raw)
    return policy, nice, runtime / 1e9


def stepped_back() -> tuple[int, int, float]:
    """The same in a thread that steps back as a worker process does."""
    step_back(*WORK)
    return seen()


@pytest.fixture
def aside() -> Iterator[Callable[..., tuple[int, int, float]]]:
    """Runs something in a thread of its own, which ends: a thread cannot become less nice again."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda function: thread.submit(function).result()


@pytest.mark.skipif(GET is None or KERNEL < (6, 12), reason="a slice of one's own is Linux 6.12")
def test_who_works_has_a_longer_slice_than_who_answers_and_what_takes_long_the_longest(
    aside: Callable[..., tuple[int, int, float]],
) -> None:
    slow = Slow(1)
    try:
        answers, works, long = seen(), aside(stepped_back), slow.call(seen)
    finally:
        slow.stop(wait=False)
    assert answers[2] < works[2] < long[2]
    assert (works[0], long[0]) == (os.SCHED_OTHER, os.SCHED_BATCH)
    assert (works[1] - answers[1], long[1] - answers[1]) == (WORK[0], LONG[0])


def test_what_takes_a_processor_for_long_is_the_nicest() -> None:
    slow = Slow(1)
    try:
        mine, its = os.nice(0), slow.call(os.nice, 0)
    finally:
        slow.stop(wait=False)
    assert its - mine == LONG[0] > WORK[0]
