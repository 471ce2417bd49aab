"""Slow work is done in processes of its own; one that is late or dies costs its neighbours nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from engine.slow import Slow


def test_slow_work_is_done_elsewhere_and_given_up_when_it_is_late_or_dies() -> None:
    async def main() -> list[object]:
        slow = Slow(1)
        try:
            other = await slow.run(os.getpid)
            late = await slow.run(time.sleep, 30, timeout=0.3)
            died = await slow.run(os.abort)
            again = await slow.run(os.getpid)
            return [other != os.getpid(), late.code, died.code, isinstance(again, int)]
        finally:
            slow.stop(wait=False)

    assert asyncio.run(main()) == [True, "E292", "E293", True]


def test_one_work_that_is_late_or_dies_costs_its_neighbours_nothing() -> None:
    """Each of three works is killed, late or fine; the fine ones run beside them the whole time in processes that stay."""
    slow = Slow(3)
    try:
        with ThreadPoolExecutor(3) as threads:
            before = {one.result() for one in [threads.submit(slow.call, _pid_after, 0.3) for _ in range(3)]}
            fine = threads.submit(slow.call, _pid_after, 1.2)
            late, died = threads.submit(slow.call, time.sleep, 30, timeout=0.3), threads.submit(slow.call, os.abort)
            assert (late.result().code, died.result().code) == ("E292", "E293")
            assert fine.result() in before
            after = {one.result() for one in [threads.submit(slow.call, _pid_after, 0.3) for _ in range(3)]}
        assert len(before) == len(after) == 3
        assert fine.result() in after and len(before & after) == 1
    finally:
        slow.stop(wait=False)


def _span(seconds: float) -> tuple[float, float]:
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def _pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def test_while_a_processor_is_spared_one_work_fewer_goes_on() -> None:
    slow = Slow(2)

    def most() -> int:
        """Of four works, how many went on at a time."""
        with ThreadPoolExecutor(4) as threads:
            spans = [one.result() for one in [threads.submit(slow.call, _span, 0.2) for _ in range(4)]]
        return max(sum(began <= at < ended for began, ended in spans) for at, _ in spans)

    try:
        most()  # the processes start
        assert most() == 2
        slow.spare(60)
        assert most() == 1
        slow.spare(0)
        assert most() == 2
    finally:
        slow.stop(wait=False)


def test_a_work_that_finds_no_free_process_in_time_is_late_and_ends_none() -> None:
    slow = Slow(1)
    with ThreadPoolExecutor(2) as threads:
        long = threads.submit(slow.call, _pid_after, 0.6)
        time.sleep(0.1)
        assert slow.call(abs, -1, timeout=0.1).code == "E292"
        pid = long.result()
    assert slow.call(os.getpid) == pid
    os.kill(pid, signal.SIGKILL)  # while it does nothing: the next work is not its victim
    time.sleep(0.2)
    assert slow.call(abs, -1) == 1
    slow.stop()
