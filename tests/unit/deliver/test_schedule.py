"""Retry schedules in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.deliver.schedule import JITTER, Schedule, parse, spread
from engine.fault import Fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every 5s, doubling to 10m, for 24h", Schedule(5, 600, 86400)),
        ("every 30s, for 1h", Schedule(30, 30, 3600)),
        ("Every 1.5m", Schedule(90, 90, None)),
        ("every 250ms,doubling to 2s", Schedule(0.25, 2, None)),
        ("once", Schedule(1, 1, 0)),
    ],
)
def test_a_schedule_is_read(text: str, expected: Schedule) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "every", "every 5", "every 0s", "doubling to 10m", "every 10m, doubling to 5s", "every 5s for 1h", "5s"]
)
def test_what_is_no_schedule_is_said(text: str) -> None:
    fault = parse(text)
    assert isinstance(fault, Fault)
    assert fault.code == "E701"


def test_waits_double_up_to_the_most_and_end_when_their_sum_exceeds_the_span() -> None:
    schedule = Schedule(5, 20, 60)
    assert [schedule.wait(n) for n in range(1, 7)] == [5, 10, 20, 20, None, None]


def test_once_is_tried_once() -> None:
    schedule = parse("once")
    assert isinstance(schedule, Schedule)
    assert schedule.wait(1) is None


def test_a_schedule_without_an_end_goes_on() -> None:
    assert Schedule(5, 600, None).wait(10_000) == 600


@given(st.floats(0.01, 1e5), st.floats(0, 1))
def test_jitter_stays_within_its_bounds(seconds: float, chance: float) -> None:
    assert seconds * (1 - JITTER) * 0.999 <= spread(seconds, chance) <= seconds * (1 + JITTER) * 1.001


@given(st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    assert isinstance(parse(text), Schedule | Fault)
