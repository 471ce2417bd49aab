"""A process for slow work steps back, keeps its memory and outlives what cannot be handed over."""

from __future__ import annotations

import gc
import os
import pickle
import platform
import resource

import pytest

from engine.slow import Slow


def _page_faults_of_a_large_block() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = b"x" * (4 << 20)
    assert len(block) == 4 << 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_an_exception_of_the_work_itself_is_the_callers() -> None:
    slow = Slow(1)
    with pytest.raises(ZeroDivisionError):
        slow.call(divmod, 1, 0)
    slow.stop(wait=False)


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux has SCHED_BATCH")
def test_slow_work_steps_back_from_quick_work() -> None:
    slow = Slow(1)
    nice, policy = slow.call(os.nice, 0), slow.call(os.sched_getscheduler, 0)
    slow.stop()
    assert nice >= os.nice(0) + 10 or nice == 19
    assert policy == os.SCHED_BATCH


def test_what_a_slow_process_has_loaded_is_not_looked_through_for_garbage() -> None:
    slow = Slow(1)
    before = slow.call(gc.get_freeze_count)  # some Pythons freeze a few of their own
    assert slow.call(gc.get_freeze_count) > before + 1000
    slow.stop()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_a_slow_process_keeps_the_memory_it_works_with() -> None:
    slow = Slow(1)
    slow.call(_page_faults_of_a_large_block)
    assert slow.call(_page_faults_of_a_large_block) < 100  # 4 MiB are 1024 pages
    slow.stop()


def test_what_cannot_be_handed_over_is_an_exception_and_the_process_goes_on() -> None:
    slow = Slow(1)
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        slow.call(lambda: 1)
    with pytest.raises(RuntimeError, match="handed over"):
        slow.call(_unsendable)
    assert slow.call(abs, -3) == 3
    slow.stop()


def _unsendable() -> object:
    return lambda: 1
