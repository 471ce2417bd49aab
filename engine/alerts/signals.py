"""The step `alert`: judges the resources of a message by the rules that watch them. Pure; what follows is kept in the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from engine.alerts.life import Reading
from engine.alerts.rule import Rule
from engine.diagnostic import absent, did_you_mean
from engine.fault import Fault, Kind
from engine.record import record
from engine.types import JSON, Run, Site, Work

STEP = "alert"
MOST_CODES = 1024
MOST_JUDGED = 4096  # values
ABSENT = object()
VOID = ("cancelled", "entered-in-error")
UNTRUE = (*VOID, "registered")
TIMES = ("effectiveDateTime", "effectiveInstant", "issued", "recordedDate", "authoredOn", "date")


@record
class Signal:
    """One rule's judgement of one resource. `born` is the patient's date of birth where the message tells it."""

    rule: Rule
    subject: str  # Patient/…
    reading: Reading
    born: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """`alert: [critical_potassium, high_heart_rate]`, or `alert: all` for every rule there is."""

    rules: tuple[str, ...]  # names of alert rules, of channels/alerts

    def compile(self, site: Site) -> Run | Fault:
        """Looks the rules up."""
        known: Mapping[str, Rule] = site.rules
        names = tuple(known) if self.rules == ("all",) else self.rules
        missing = [name for name in names if name not in known]
        if missing:
            text = absent("alert rule", missing[0])
            return Fault(
                Kind.NOT_FOUND, "E753", text, "alert", did_you_mean(missing[0], known) or f"rules: {', '.join(sorted(known))}"
            )
        watching = Watching([known[name] for name in names])

        def step(work: Work) -> Work:
            found, warnings = judge(watching, [put.body for put in work.puts], work.message.received)
            if not found and not warnings:
                return work
            before = work.data.get(STEP, ())
            return replace(work, data={**work.data, STEP: (*before, *found)}, warnings=(*work.warnings, *warnings))

        return step


Judged = tuple[bool | Fault, bool | Fault]  # whether the condition holds, and whether it clears


class Watching:
    """Rules by what they watch. Which of them are about a code, and what they make of a value, is worked once for the same objects."""

    __slots__ = ("_judged", "_known", "_reads", "_rules")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules: dict[str, tuple[Rule, ...]] = {
            type: tuple(rule for rule in rules if rule.watches == type) for type in {rule.watches for rule in rules}
        }
        self._known: dict[tuple[str, int], tuple[Any, tuple[Rule, ...]]] = {}
        self._reads = {
            rule.name: (*rule.condition.reads, *(rule.clears.reads if rule.clears is not None else ())) for rule in rules
        }
        self._judged: dict[tuple[Any, ...], tuple[list[Any], Judged]] = {}

    def about(self, body: JSON) -> tuple[Rule, ...]:
        """The rules a resource concerns, by its type and code."""
        type, code = body.get("resourceType", ""), body.get("code")
        if type not in self._rules:
            return ()
        known = self._known.get((type, id(code)))
        if known is None:
            if len(self._known) >= MOST_CODES:
                self._known.clear()
            found = tuple(rule for rule in self._rules[type] if rule.condition.concerns(body))
            known = self._known[type, id(code)] = code, found  # the code is kept, so that no other gets its id
        return known[1]

    def judged(self, rule: Rule, body: JSON) -> Judged:
        """What a rule makes of a resource."""
        held = [body.get(name, ABSENT) for name in self._reads[rule.name]]
        key = (rule.name, *map(id, held))
        known = self._judged.get(key)
        if known is None:
            if len(self._judged) >= MOST_JUDGED:
                self._judged.clear()
            holds = rule.condition.holds(body)
            clears = rule.clears.holds(body) if rule.clears is not None else holds is False
            known = self._judged[key] = held, (holds, clears)  # what it read is kept, so that nothing else gets its ids
        return known[1]


def judge(watching: Watching, bodies: Sequence[JSON], received: datetime) -> tuple[list[Signal], list[Fault]]:
    """Every judgement of the resources; a reading that cannot be judged is a warning, never silence."""
    signals: list[Signal] = []
    warnings: list[Fault] = []
    births: dict[str, str] | None = None
    for body in bodies:
        for rule in watching.about(body):
            subject = subject_of(body)
            itself = f"{body['resourceType']}/{body['id']}"
            if body.get("status") in UNTRUE or not (subject or _at_once(rule)):
                if body.get("status") in VOID:
                    reading = Reading(when(body, received), False, False, source=itself, void=True)
                    signals.append(Signal(rule, subject or itself, reading))
                continue
            holds, clears = watching.judged(rule, body)
            value = rule.condition.number(body) if rule.timing.within is not None else None
            wrong = next((one for one in (holds, clears, value) if isinstance(one, Fault)), None)
            if wrong is not None:
                warnings.append(replace(wrong, at=f"{rule.name}: {body['resourceType']}.{wrong.at}"))
                continue
            if not subject and holds is not True:
                continue
            if births is None:
                births = {
                    f"Patient/{each['id']}": each.get("birthDate", "") for each in bodies if each.get("resourceType") == "Patient"
                }
            known = value if isinstance(value, Decimal) else None
            reading = Reading(when(body, received), holds is True, clears is True, known, itself)
            signals.append(Signal(rule, subject or itself, reading, births.get(subject, "")))
    return signals, warnings


def _at_once(rule: Rule) -> bool:
    """Whether one reading raises the rule's alert: then it is raised even if nobody knows whom it is of."""
    timing = rule.timing
    return timing.in_a_row <= 1 and not (timing.dwell or timing.missing or timing.within)


def subject_of(body: JSON) -> str:
    """The patient (or device, location …) a resource is about."""
    for name in ("subject", "patient", "for"):
        found = body.get(name)
        if isinstance(found, dict) and isinstance(found.get("reference"), str):
            return str(found["reference"])
    return ""


def when(body: JSON, received: datetime) -> datetime:
    """When it was observed, else when it was received; a date without a zone is read as UTC, a date alone as its midnight."""
    for name in TIMES:
        text = body.get(name)
        if isinstance(text, str):
            try:
                found = datetime.fromisoformat(text) if len(text) >= 10 else datetime.fromisoformat(f"{text}-01-01"[:10])
            except ValueError:
                continue
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return received


def age(born: str, at: datetime) -> Decimal | None:
    """The age in days on a day, from a date of birth of any precision; None when it is not known or lies ahead."""
    parts: list[Any] = [int(part) for part in born.split("-")] if born.replace("-", "").isdigit() else []
    if not parts:
        return None
    try:
        day = date(*[*parts, 1, 1][:3])
    except ValueError:
        return None
    days = (at.date() - day).days
    return Decimal(days) if days >= 0 else None
