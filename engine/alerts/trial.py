"""What a rule would have raised on stored readings. Pure: nothing is written and nobody is told.

Time passes as it did then: between two readings the rule's own clock (missing readings, escalations) is looked at whenever it would
have been. Nobody acknowledges anything, so every step of an escalation is shown.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engine.alerts.life import Life, Reading, Turn, due, read, tick
from engine.alerts.rule import Rule
from engine.alerts.signals import Signal, Watching, age, judge
from engine.types import JSON

REPEATED = Turn.REPEATED


@dataclass(frozen=True, slots=True)
class Would:
    """One thing that would have happened."""

    at: datetime
    turn: str
    subject: str
    evidence: str = ""  # Observation/…; '' when it is time alone that did it
    level: int = 0


@dataclass(slots=True)
class Trial:
    """What came of it."""

    readings: int = 0
    subjects: int = 0
    folded: int = 0  # readings that would have been folded into an open alert
    unfit: int = 0  # readings of patients outside the rule's group
    warnings: dict[str, int] = field(default_factory=dict)  # readings that could not be judged, by code
    happened: list[Would] = field(default_factory=list)


def signals(rule: Rule, bodies: Iterable[tuple[JSON, datetime]], trial: Trial) -> list[Signal]:
    """The judgements of stored resources, each with the time it was written."""
    watching, found = Watching([rule]), []
    for body, written in bodies:
        made, warnings = judge(watching, [body], written)
        found += [one for one in made if not one.reading.void]
        for fault in warnings:
            trial.warnings[fault.code] = trial.warnings.get(fault.code, 0) + 1
    return found


def run(rule: Rule, given: Iterable[Signal], births: Mapping[str, str], until: datetime, trial: Trial) -> Trial:
    """Plays the readings in the order they were taken, subject by subject, up to a moment."""
    by_subject: dict[str, list[Reading]] = {}
    for one in given:
        if rule.ages and not rule.fits_age(age(one.born or births.get(one.subject, ""), one.reading.at)):
            trial.unfit += 1
            continue
        by_subject.setdefault(one.subject, []).append(one.reading)
    for subject, readings in by_subject.items():
        trial.readings += len(readings)
        trial.subjects += 1
        for happened in _live(rule, subject, sorted(readings, key=lambda each: each.at), until):
            if happened.turn == REPEATED.value:
                trial.folded += 1
            else:
                trial.happened.append(happened)
    trial.happened.sort(key=lambda each: (each.at, each.subject))
    return trial


def _live(rule: Rule, subject: str, readings: list[Reading], until: datetime) -> Iterator[Would]:
    life, seen = Life(), None
    for reading in readings:
        life = yield from _pass(rule, subject, life, seen, reading.at)
        life, turn = read(rule.timing, life, reading)
        seen = reading.at
        if turn is not None:
            yield Would(reading.at, turn.value, subject, reading.source, life.level)
    yield from _pass(rule, subject, life, seen, until)


def _pass(rule: Rule, subject: str, life: Life, seen: datetime | None, until: datetime) -> Generator[Would, None, Life]:
    """Time goes by; the life at the end of it."""
    while (moment := due(rule.timing, life, seen)) is not None and moment < until:
        life, turn = tick(rule.timing, life, moment, seen)
        if turn is None:
            break
        yield Would(moment, turn.value, subject, "", life.level)
    return life
