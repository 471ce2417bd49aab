"""Work nobody may wait long for, and work whose process dies."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.later import MOST, Later
from engine.slow import Hand, Slow, spent


def _dies_at_first(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def _stops() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _stops_at_first(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return "done"


def _counts(marker: Path) -> str:
    time.sleep(0.5)
    with marker.open("a") as file:
        file.write(".")
    return "done"


def test_a_work_whose_process_is_killed_is_done_by_another_one(tmp_path: Path) -> None:
    slow = Slow(1)
    try:
        assert slow.call(_dies_at_first, tmp_path / "died") == "done"
        broken = slow.call(os.abort)
        assert broken.code == "E293"
        assert broken.kind.answer.retry  # its message comes again some times before it is held
    finally:
        slow.stop(wait=False)


def test_a_work_whose_process_stands_still_is_done_by_another_one_long_before_its_time_is_over(tmp_path: Path) -> None:
    hand = Hand(still=0.3)
    try:
        assert hand.work(_stops_at_first, (tmp_path / "stopped",), time.monotonic() + 60) == "done"
        until = time.monotonic() + 60
        assert hand.work(_stops, (), until).code == "E293", "it is tried twice only"
        assert time.monotonic() < until
    finally:
        hand.end()


def test_who_works_and_who_stands_still_are_told_apart_by_the_processor_time() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        first = spent(busy.pid)
        while spent(busy.pid) == first:
            time.sleep(0.01)
        os.kill(busy.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, busy.pid, os.WSTOPPED)
        assert spent(busy.pid) == spent(busy.pid) != first
    finally:
        busy.kill()
        busy.wait()
    assert spent(busy.pid) == ""


def test_what_takes_longer_than_one_waits_goes_on_and_is_there_when_it_is_asked_for_again(tmp_path: Path) -> None:
    slow, marker = Slow(1), tmp_path / "done"
    try:
        slow.call(os.getpid, patience=30)  # started
        assert slow.call(_counts, marker, patience=0.1).code == "E296"
        assert slow.call(abs, -1, patience=30) == 1  # behind it
        assert slow.call(_counts, marker, patience=0) == "done"
        assert marker.read_text() == ".", "it was not done twice"
    finally:
        slow.stop(wait=False)


def test_behind_a_work_that_hangs_nobody_waits_and_other_work_never_meets_it(tmp_path: Path) -> None:
    slow, marker = Slow(1), tmp_path / "stopped"
    try:
        slow.call(os.getpid, patience=30)
        with ThreadPoolExecutor(1) as threads:
            hangs = threads.submit(slow.call, _stops_at_first, marker, timeout=8.0, patience=0.3)
            assert hangs.result().code == "E296"
        began = time.monotonic()
        assert [slow.call(abs, -n, patience=0.3).code for n in range(20)] == ["E296"] * 20
        assert time.monotonic() - began < 20 * 0.3 / 2  # who waited would have waited 20 times
        assert slow.call(abs, -9) == 9
        while (late := slow.call(_stops_at_first, marker, patience=0.3)) != "done":
            assert late.code in {"E292", "E296"}
            assert time.monotonic() - began < 60
        assert slow.call(abs, -3, patience=30) == 3
    finally:
        slow.stop(wait=False)


def test_a_work_that_raises_raises_where_it_is_asked_for() -> None:
    later = Later(Hand())
    try:
        with pytest.raises(ZeroDivisionError):
            later.call(divmod, (1, 0), 30, 30)
    finally:
        later.stop()


def test_results_nobody_fetches_are_forgotten_and_no_more_wait_than_a_few() -> None:
    later = Later(Hand())
    try:
        later.call(time.sleep, (0.5,), 30, 0)
        codes = [later.call(abs, (-n,), 30, 0).code for n in range(1, MOST + 20)]
        assert set(codes) == {"E296"}
        assert len(later.jobs) == MOST
        time.sleep(0.2)
        assert later.call(abs, (-1,), 30, 30) == 1
    finally:
        later.stop()


def test_who_waits_when_it_is_stopped_is_told_to_come_again() -> None:
    later = Later(Hand())
    later.call(time.sleep, (30,), 60, 0)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(later.call, time.sleep, (30,), 60, 60)
        behind = threads.submit(later.call, abs, (-1,), 60, 60)
        time.sleep(0.3)
        began = time.monotonic()
        later.stop()
        assert (first.result().kind.answer.retry, behind.result().code) == (True, "E296")
        assert time.monotonic() - began < 5
    assert later.call(abs, (-2,), 60, 60).code == "E296"
