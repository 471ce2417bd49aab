"""An alert's life as a pure function: what was known, a reading or a moment, and what changes.

One life belongs to one rule and one subject (a patient, as a rule). Readings come in the order they were taken; one that is older
than the newest known is noted and changes nothing, so that a late result cannot undo what a newer one showed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from engine.record import record

HISTORY = 64  # readings kept for a rate of change


class Phase(Enum):
    """Where a life stands."""

    QUIET = "quiet"
    PENDING = "pending"  # the condition holds, not yet long or often enough
    RAISED = "raised"


class Turn(Enum):
    """What may happen to an alert."""

    RAISED = "raised"
    REPEATED = "repeated"  # folded into the alert that is open
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Timing:
    """A rule's times and counts; zero or None means that it has none."""

    dwell: timedelta | None = None  # `for 2m`
    in_a_row: int = 1  # `3 in a row`
    missing: timedelta | None = None  # `no reading for 15m`
    rise: Decimal | None = None  # `rises 20 within 10m`
    fall: Decimal | None = None
    within: timedelta | None = None
    escalate: tuple[timedelta, ...] = ()


@record
class Reading:
    """One judged reading. `clears` is `holds` turned around unless the rule has its own condition to clear."""

    at: datetime
    holds: bool
    clears: bool
    value: Decimal | None = None
    source: str = ""  # Observation/…
    void: bool = False  # it was entered in error: it takes back what it said before, and says nothing


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of one rule and subject."""

    phase: Phase = Phase.QUIET
    since: datetime | None = None  # the first reading of the present run that holds
    count: int = 0  # readings in a row that hold
    last: datetime | None = None  # the newest reading's time
    raised: datetime | None = None  # by our own clock: what escalation counts from
    repeats: int = 0
    level: int = 0  # escalations done
    acknowledged: bool = False
    silent: bool = False  # raised because readings are missing
    history: tuple[tuple[datetime, Decimal], ...] = ()
    source: str = ""  # of the newest reading that holds: a correction of it is not another one


def read(timing: Timing, life: Life, reading: Reading, now: datetime | None = None) -> tuple[Life, Turn | None]:
    """The life after a reading, and what happened to the alert. `now` is our own clock; without it, the moment of the reading."""
    if reading.void:
        return _taken_back(life, reading)
    if life.last is not None and reading.at < life.last:
        return life, None
    if not reading.holds and life.phase is Phase.QUIET and timing.within is None:  # as nearly every reading is
        return (life if reading.at == life.last else replace(life, last=reading.at)), None
    history = life.history
    if timing.within is not None and reading.value is not None:
        since = reading.at - timing.within
        history = (*(each for each in history if since <= each[0] < reading.at), (reading.at, reading.value))[-HISTORY:]
    holds = reading.holds and _changed(timing, history)
    again = reading.at == life.last and reading.source != "" and reading.source == life.source
    life = replace(life, last=reading.at, history=history, source=reading.source if holds else life.source)
    if life.phase is Phase.RAISED:
        if life.silent or (reading.clears if not holds else False):
            ended = replace(Life(), last=reading.at, history=history)
            if life.silent and holds:
                fresh, turn = read(timing, replace(ended, last=None), reading, now)
                return fresh, turn or Turn.RESOLVED
            return ended, Turn.RESOLVED
        if holds and not again:
            return replace(life, repeats=life.repeats + 1), Turn.REPEATED
        return life, None
    if not holds:
        return replace(life, phase=Phase.QUIET, since=None, count=0, source=""), None
    life = replace(life, phase=Phase.PENDING, since=life.since or reading.at, count=life.count + (not again))
    if life.since is not None and life.count >= timing.in_a_row and reading.at - life.since >= (timing.dwell or timedelta(0)):
        return replace(life, phase=Phase.RAISED, raised=now or reading.at, repeats=0, level=0, acknowledged=False), Turn.RAISED
    return life, None


def _taken_back(life: Life, reading: Reading) -> tuple[Life, Turn | None]:
    """The life without its newest reading, where that is the one. An alert that others speak for, too, stays open."""
    if life.phase is Phase.QUIET or not reading.source or reading.source != life.source:
        return life, None
    history = tuple(each for each in life.history if each[0] != life.last)
    if life.count > 1 or life.repeats:
        pending = life.phase is Phase.PENDING
        return replace(life, count=life.count - pending, source="" if pending else life.source, history=history), None
    return replace(Life(), last=life.last, history=history), Turn.RESOLVED if life.phase is Phase.RAISED else None


def tick(timing: Timing, life: Life, now: datetime, seen: datetime | None) -> tuple[Life, Turn | None]:
    """The life at a moment: missing readings are raised, an open alert that nobody acknowledged is escalated.

    `seen` is when the last reading was received here; `now` and `seen` are of our own clock.
    """
    if life.phase is Phase.RAISED and not life.acknowledged and life.raised is not None and life.level < len(timing.escalate):
        if now - life.raised >= timing.escalate[life.level]:
            return replace(life, level=life.level + 1), Turn.ESCALATED
        return life, None
    if timing.missing is not None and life.phase is not Phase.RAISED and seen is not None and now - seen >= timing.missing:
        return replace(life, phase=Phase.RAISED, raised=now, silent=True, level=0, acknowledged=False), Turn.RAISED
    return life, None


def acknowledge(life: Life) -> tuple[Life, Turn | None]:
    """The life after somebody took the alert on: it is escalated no more."""
    if life.phase is not Phase.RAISED or life.acknowledged:
        return life, None
    return replace(life, acknowledged=True), Turn.ACKNOWLEDGED


def due(timing: Timing, life: Life, seen: datetime | None) -> datetime | None:
    """When `tick` should look again; None when time alone changes nothing."""
    if life.phase is Phase.RAISED:
        waiting = not life.acknowledged and life.raised is not None and life.level < len(timing.escalate)
        return life.raised + timing.escalate[life.level] if waiting and life.raised is not None else None
    return seen + timing.missing if timing.missing is not None and seen is not None else None


def _changed(timing: Timing, history: tuple[tuple[datetime, Decimal], ...]) -> bool:
    """Whether the newest reading has moved as far as the rule asks within its time; True for a rule that asks for no change."""
    if timing.rise is None and timing.fall is None:
        return True
    if len(history) < 2:
        return False
    newest = history[-1][1]
    earlier = [value for _, value in history[:-1]]
    risen = timing.rise is not None and newest - min(earlier) >= timing.rise
    fallen = timing.fall is not None and max(earlier) - newest >= timing.fall
    return risen or fallen
