"""An alert is raised, folded, escalated, acknowledged and resolved as its rule says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.alerts.life import Life, Phase, Reading, Timing, Turn, acknowledge, due, read, tick

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minute: float, holds: bool, clears: bool | None = None, value: str | None = None, source: str = "") -> Reading:
    known = Decimal(value) if value else None
    return Reading(NOON + minute * MINUTE, holds, not holds if clears is None else clears, known, source)


def live(timing: Timing, *readings: Reading) -> tuple[Life, list[Turn | None]]:
    life, turns = Life(), []
    for reading in readings:
        life, turn = read(timing, life, reading)
        turns.append(turn)
    return life, turns


def test_a_reading_beyond_the_limit_raises_and_a_normal_one_resolves() -> None:
    _, turns = live(Timing(), at(0, False), at(1, True), at(2, False))
    assert turns == [None, Turn.RAISED, Turn.RESOLVED]


def test_further_readings_are_folded_into_the_open_alert() -> None:
    life, turns = live(Timing(), at(0, True), at(1, True), at(2, True))
    assert turns == [Turn.RAISED, Turn.REPEATED, Turn.REPEATED]
    assert life.repeats == 2


def test_between_the_limit_and_the_clearing_limit_the_alert_stays_open() -> None:
    _, turns = live(Timing(), at(0, True), at(1, False, clears=False), at(2, False, clears=True))
    assert turns == [Turn.RAISED, None, Turn.RESOLVED]


def test_three_in_a_row_counts_only_readings_that_follow_each_other() -> None:
    _, turns = live(Timing(in_a_row=3), at(0, True), at(1, True), at(2, False), at(3, True), at(4, True), at(5, True))
    assert turns == [None, None, None, None, None, Turn.RAISED]


def test_a_dwell_asks_that_the_condition_held_that_long() -> None:
    _, turns = live(Timing(dwell=2 * MINUTE), at(0, True), at(1.9, True), at(2, True))
    assert turns == [None, None, Turn.RAISED]


def test_an_observation_that_comes_again_corrected_counts_once() -> None:
    first, again, other = (
        at(0, True, source="Observation/1"),
        at(0, True, source="Observation/1"),
        at(1, True, source="Observation/2"),
    )
    assert live(Timing(in_a_row=2), first, again, other)[1] == [None, None, Turn.RAISED]
    life, turns = live(Timing(), first, again, other)
    assert (life.repeats, turns) == (1, [Turn.RAISED, None, Turn.REPEATED])
    assert live(Timing(), first, at(0, False, source="Observation/1"))[1] == [Turn.RAISED, Turn.RESOLVED]


def test_an_observation_that_is_taken_back_ends_the_alert_it_raised_and_no_other() -> None:
    life, _ = live(Timing(), at(0, True, source="Observation/1"))
    other = replace(at(0, False, clears=False, source="Observation/2"), void=True)
    assert read(Timing(), life, other) == (life, None)
    ended, turn = read(Timing(), life, replace(other, source="Observation/1"))
    assert (ended.phase, turn) == (Phase.QUIET, Turn.RESOLVED)
    life, _ = live(Timing(), at(0, True, source="Observation/3"), at(1, True, source="Observation/1"))
    assert read(Timing(), life, replace(other, source="Observation/1"))[1] is None
    life, _ = live(Timing(in_a_row=2), at(0, True, source="Observation/1"), replace(other, source="Observation/1"))
    assert read(Timing(in_a_row=2), life, at(1, True))[1] is None


def test_a_corrected_number_is_no_change() -> None:
    timing = Timing(rise=Decimal(20), within=10 * MINUTE)
    assert live(timing, at(0, True, value="8"), at(0, True, value="80"), at(5, True, value="85"))[1] == [None, None, None]


def test_a_late_old_reading_changes_nothing() -> None:
    life, turns = live(Timing(), at(5, True), at(1, False))
    assert turns == [Turn.RAISED, None]
    assert life.phase is Phase.RAISED


def test_a_rise_within_the_time_raises_and_a_slow_one_does_not() -> None:
    timing = Timing(rise=Decimal(20), within=10 * MINUTE)
    assert live(timing, at(0, True, value="80"), at(5, True, value="101"))[1] == [None, Turn.RAISED]
    assert live(timing, at(0, True, value="80"), at(15, True, value="101"))[1] == [None, None]


def test_a_fall_within_the_time_raises() -> None:
    assert live(Timing(fall=Decimal(4), within=10 * MINUTE), at(0, True, value="97"), at(3, True, value="93"))[1] == [
        None,
        Turn.RAISED,
    ]


def test_missing_readings_raise_once_and_the_next_reading_resolves() -> None:
    timing = Timing(missing=15 * MINUTE)
    life, _ = live(timing, at(0, False))
    assert tick(timing, life, NOON + 14 * MINUTE, NOON)[1] is None
    life, turn = tick(timing, life, NOON + 15 * MINUTE, NOON)
    assert turn is Turn.RAISED
    assert tick(timing, life, NOON + 16 * MINUTE, NOON)[1] is None
    assert read(timing, life, at(20, False))[1] is Turn.RESOLVED


def test_a_patient_never_seen_is_not_missed() -> None:
    assert tick(Timing(missing=15 * MINUTE), Life(), NOON, None) == (Life(), None)


def test_an_alert_is_escalated_step_by_step_until_it_is_acknowledged() -> None:
    timing = Timing(escalate=(10 * MINUTE, 30 * MINUTE))
    life, _ = live(timing, at(0, True))
    assert due(timing, life, None) == NOON + 10 * MINUTE
    assert tick(timing, life, NOON + 9 * MINUTE, None)[1] is None
    life, turn = tick(timing, life, NOON + 10 * MINUTE, None)
    assert turn is Turn.ESCALATED
    life, turn = acknowledge(life)
    assert turn is Turn.ACKNOWLEDGED
    assert tick(timing, life, NOON + 60 * MINUTE, None)[1] is None
    assert due(timing, life, None) is None


def test_an_alert_on_a_late_result_is_escalated_after_it_was_raised_not_after_it_was_measured() -> None:
    timing = Timing(escalate=(10 * MINUTE,))
    life, _ = read(timing, Life(), at(0, True), NOON + 60 * MINUTE)
    assert due(timing, life, None) == NOON + 70 * MINUTE
    assert tick(timing, life, NOON + 69 * MINUTE, None)[1] is None
    assert tick(timing, life, NOON + 70 * MINUTE, None)[1] is Turn.ESCALATED


def test_only_an_open_alert_can_be_acknowledged_and_only_once() -> None:
    assert acknowledge(Life())[1] is None
    life, _ = live(Timing(), at(0, True))
    life, _ = acknowledge(life)
    assert acknowledge(life)[1] is None


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.booleans()), max_size=40), st.integers(1, 4), st.integers(0, 5))
def test_raised_and_resolved_always_alternate(steps: list[tuple[int, bool, bool]], in_a_row: int, dwell: int) -> None:
    timing = Timing(dwell=dwell * MINUTE, in_a_row=in_a_row)
    _, turns = live(timing, *(at(minute, holds, clears) for minute, holds, clears in steps))
    seen = [turn for turn in turns if turn in (Turn.RAISED, Turn.RESOLVED)]
    assert seen[::2] == [Turn.RAISED] * len(seen[::2])
    assert seen[1::2] == [Turn.RESOLVED] * len(seen[1::2])
