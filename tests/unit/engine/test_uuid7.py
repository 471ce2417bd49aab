"""Message ids sort by time (RFC 9562 section 5.7)."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from engine import uuid7 as module
from engine.uuid7 import uuid7


def test_ids_are_version_7_of_the_rfc_variant() -> None:
    one = uuid7()
    assert one.version == 7
    assert one.variant == "specified in RFC 4122"


def test_ten_thousand_ids_of_one_moment_rise() -> None:
    made = [uuid7() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_the_first_48_bits_are_the_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_last", 0)
    before = time.time_ns() // 1_000_000
    stamp = uuid7().int >> 80
    assert before <= stamp <= time.time_ns() // 1_000_000


def test_a_clock_that_jumps_back_does_not_turn_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    monkeypatch.setattr(module.time, "time_ns", lambda: 0)
    assert uuid7() > first


FORKS = """
import os
from engine.uuid7 import uuid7
uuid7()
child = os.fork()
if child:
    os.waitpid(child, 0)
os.write(1, uuid7().bytes[8:])
"""


def test_a_forked_process_makes_other_ids() -> None:
    """Those of one moment differ by chance alone, and what was asked of the system beforehand is not shared."""
    told = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, check=True).stdout
    assert len(told) == 16
    assert told[:8] != told[8:]
