"""Keeps alerts: signals become changes of alerts inside the worker's transaction, and what must be told follows from the changes.

One life is read and written once a batch, whatever the number of its readings. A repeated reading costs no notice; silence windows and
maintenance hold notices back and never the alert itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

from engine import packed
from engine.alerts.life import Life, Phase, Reading, Turn, acknowledge, due, read, tick
from engine.alerts.rule import Rule, gone
from engine.alerts.signals import Signal, age
from engine.alerts.sql import sql
from engine.alerts.state import life_of, text_of
from engine.types import Connection, Event, Parcel

NAMESPACE = UUID("5f1c7a3e-6b0d-5d0f-9c39-2f6f0a5b8d11")
TOPIC = "alerts"
MOST_FITTING = 4096
MOST_AGAIN = 1000  # alerts of one rule, subject and time
_fitting: dict[tuple[Any, str, date], bool] = {}  # whether somebody born on a day is of a rule's group on another


@dataclass(slots=True)
class Effects:
    """What the changes ask for: alerts as rows for the resource writer, events for the feeds, parcels for destinations."""

    alerts: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)


class _Known:
    """A life while it changes, with what is kept of it."""

    __slots__ = ("alert", "before", "kept", "life", "seen")

    def __init__(self, life: Life, seen: datetime, alert: UUID | None, kept: bool = True) -> None:
        self.life, self.seen, self.alert, self.kept = life, seen, alert, kept
        self.before = life, alert

    def changed(self, rule: Rule) -> bool:
        """Whether there is something to keep: when it was seen last matters only to a rule that waits for readings."""
        life, alert = self.before
        return (
            not self.kept
            or rule.timing.missing is not None
            or self.alert != alert
            or (self.life is not life and self.life != life)
        )


def apply(connection: Connection, signals: Sequence[Signal], now: datetime, births: Mapping[str, str]) -> Effects:
    """Carries the signals of a batch into the alerts. `births` gives dates of birth by subject where a rule needs an age."""
    effects = Effects()
    fitting = [one for one in signals if _fits(one, births)]
    if not fitting:
        return effects
    known = _lives(connection, {(one.rule.name, one.subject) for one in fitting}, now)
    rules = {one.rule.name: one.rule for one in fitting}
    for one in fitting:
        state = known[one.rule.name, one.subject]
        state.life, turn = read(one.rule.timing, state.life, one.reading, now)
        state.seen = now
        if turn is not None:
            _turned(connection, effects, one.rule, one.subject, state, turn, one.reading.at, one.reading.source, now)
    _keep(connection, {key: state for key, state in known.items() if state.changed(rules[key[0]])}, rules)
    return effects


def elapse(connection: Connection, rules: Mapping[str, Rule], now: datetime) -> Effects:
    """What time alone changes: missing readings, escalations. A life whose rule is gone is left alone."""
    effects = Effects()
    known: dict[tuple[str, str], _Known] = {}
    for name, subject, state, seen, alert in connection.execute(sql("due"), {"now": now}).fetchall():
        rule = rules.get(name)
        life = _Known(life_of(state), seen, alert)
        if rule is not None:
            life.life, turn = tick(rule.timing, life.life, now, seen)
            if turn is not None:
                _turned(connection, effects, rule, subject, life, turn, now, "", now)
            known[name, subject] = life
    _keep(connection, known, rules)
    return effects


def acknowledged(connection: Connection, rules: Mapping[str, Rule], id: UUID, by: str, now: datetime) -> Effects | None:
    """Somebody takes an open alert on; None when there is no such open alert."""
    asked = "select rule, subject, version, title, severity from alerts.alert where id = %s and resolved_at is null"
    row = connection.execute(asked, [id]).fetchone()
    if row is None:
        return None
    name, subject, version, title, severity = row
    effects = Effects()
    known = _lives(connection, {(name, subject)}, now)
    state = known[name, subject]
    state.life, turn = acknowledge(state.life)
    if turn is None:
        return None
    rule = rules.get(name) or gone(name, version, title, severity)
    _turned(connection, effects, rule, subject, state, turn, now, "", now, by)
    _keep(connection, known, {name: rule})
    return effects


def _fits(signal: Signal, births: Mapping[str, str]) -> bool:
    if not signal.rule.ages:
        return True
    key = signal.rule.ages, signal.born or births.get(signal.subject, ""), signal.reading.at.date()
    found = _fitting.get(key)
    if found is None:
        if len(_fitting) >= MOST_FITTING:
            _fitting.clear()
        found = _fitting[key] = signal.rule.fits_age(age(key[1], signal.reading.at))
    return found


def _lives(connection: Connection, keys: set[tuple[str, str]], now: datetime) -> dict[tuple[str, str], _Known]:
    known = {key: _Known(Life(), now, None, False) for key in keys}
    ordered = sorted(keys)
    asked = {"rules": packed.texts([key[0] for key in ordered]), "subjects": packed.texts([key[1] for key in ordered])}
    rows = connection.execute(sql("lives"), asked).fetchall()
    for rule, subject, state, seen, alert in rows:
        known[rule, subject] = _Known(life_of(state), seen, alert)
    return known


def _keep(connection: Connection, known: Mapping[tuple[str, str], _Known], rules: Mapping[str, Rule]) -> None:
    if not known:
        return
    rows = sorted(known.items())
    connection.execute(
        sql("keep_lives"),
        {
            "rules": packed.texts([key[0] for key, _ in rows]),
            "subjects": packed.texts([key[1] for key, _ in rows]),
            "states": packed.texts([text_of(state.life) for _, state in rows]),
            "seen": packed.times([state.seen for _, state in rows]),
            "due": packed.times([due(rules[key[0]].timing, state.life, state.seen) for key, state in rows]),
            "alerts": packed.uuids([state.alert for _, state in rows]),
        },
    )


def _turned(
    connection: Connection,
    effects: Effects,
    rule: Rule,
    subject: str,
    state: _Known,
    turn: Turn,
    at: datetime,
    source: str,
    now: datetime,
    by: str = "",
) -> None:
    """Writes one change and says who must hear of it."""
    if turn is Turn.RAISED:
        state.alert = _raised(connection, rule, subject, at, source, now)
    entry = json.dumps([{"turn": turn.value, "at": now.isoformat(), "by": by}])
    again = turn.value if turn is not Turn.RAISED else "kept"
    cursor = connection.execute(
        sql("turn"), {"id": state.alert, "turn": again, "at": now, "by": by, "entry": entry if turn is not Turn.RAISED else "[]"}
    )
    found = cursor.fetchone()
    if found is None:
        return
    alert = dict(zip([column.name for column in cursor.description], found, strict=True))
    alert["say"], alert["turn"] = rule.say, turn.value
    if turn is Turn.REPEATED:
        return
    effects.alerts.append(alert)
    body = {
        name: value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for name, value in alert.items()
    }
    effects.events.append(Event(TOPIC, body, subject, rule.severity))
    if turn is Turn.ESCALATED:
        people: tuple[str, ...] = rule.escalate_to[state.life.level - 1 : state.life.level]
    else:
        people = tuple(dict.fromkeys((*rule.notify, *rule.escalate_to[: alert["level"]])))  # whoever was called hears the end
    if people and not _silenced(connection, rule, subject, now):
        content = json.dumps(body).encode()
        for name in people:
            idem = f"{state.alert}|{turn.value}|{state.life.level}|{name}"
            effects.parcels.append(
                Parcel(f"alerts.{name}", subject, idem, content, "application/json", {"severity": rule.severity, "say": rule.say})
            )
    if turn is Turn.RESOLVED:
        state.alert = state.alert if state.life.phase is Phase.RAISED else None


def _raised(connection: Connection, rule: Rule, subject: str, at: datetime, source: str, now: datetime) -> UUID:
    """The id of a new alert: it follows from rule, subject and time, and from how often these had one that is over (a result of one
    time that is corrected, and corrected back)."""
    history = json.dumps([{"turn": Turn.RAISED.value, "at": now.isoformat(), "evidence": source}])
    row = {"rule": rule.name, "version": rule.digest, "subject": subject, "severity": rule.severity, "title": rule.title}
    for before in range(MOST_AGAIN):
        id = uuid5(NAMESPACE, f"{rule.name}|{subject}|{at.isoformat()}" + (f"|{before}" if before else ""))
        found = connection.execute(sql("raise"), {**row, "id": id, "at": at, "evidence": source, "history": history}).fetchone()
        if found is not None and found[0]:
            break
    return id


def _silenced(connection: Connection, rule: Rule, subject: str, now: datetime) -> bool:
    """Whether notices are held back: the rule's own hours (local time of the engine), or maintenance. Critical alerts keep no hours."""
    clock = now.astimezone().time()
    for start, end in rule.silent:
        inside = start <= clock < end if start <= end else clock >= start or clock < end
        if inside and rule.severity != "critical":
            return True
    row = connection.execute(sql("quiet"), {"rule": rule.name, "subject": subject, "now": now}).fetchone()
    return bool(row and row[0])


__all__ = ["Effects", "Reading", "acknowledged", "apply", "elapse"]
