"""Alert rules: an analyst's YAML file, read with its places.

alert: critical_potassium
title: Potassium outside the critical limits
watches: Observation
patients: age >= 18 years
if: code has http://loinc.org#2823-3 and (value < 2.8 or value > 6.2)
unit: mmol/L
clear when: value >= 3.0 and value <= 6.0
for: 2m                        or: 3 in a row
rises: 20 within 10m           or: falls
no reading for: 15m
severity: critical             low, medium, high or critical
say: Potassium is at a critical level
escalate: after 10m to charge_nurse, after 30m to physician
notify: [charge_nurse]
silent: 22:00 to 06:00
source: where the limits come from
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, Protocol

from engine.alerts.life import Timing
from engine.diagnostic import Diagnostic, Span, did_you_mean
from engine.document import Items, Node, Pairs, Text, read
from engine.fault import Fault
from engine.options import Reading, duration

KEYS = ("alert", "title", "watches", "patients", "if", "unit", "clear when", "for", "rises", "falls", "no reading for", "severity", "say",
        "escalate", "notify", "silent", "source", "enabled")  # fmt: skip
SEVERITIES = ("low", "medium", "high", "critical")
_AGE = re.compile(r"age\s*(<|<=|>|>=)\s*(\d+)\s*(days?|weeks?|months?|years?)")
_STEP = re.compile(r"after\s+(\S+)\s+to\s+([\w-]+)")
_ROW = re.compile(r"(\d+)\s+in\s+a\s+row")
_CHANGE = re.compile(r"(\S+)\s+within\s+(\S+)")
_SILENT = re.compile(r"(\d{2}:\d{2})\s+to\s+(\d{2}:\d{2})")
_DAYS = {"day": Decimal(1), "week": Decimal(7), "month": Decimal("30.4375"), "year": Decimal("365.25")}
COMPARE = {"<": Decimal.__lt__, "<=": Decimal.__le__, ">": Decimal.__gt__, ">=": Decimal.__ge__}


class Condition(Protocol):
    """A compiled condition over one resource. What the elements it `reads` hold decides, and nothing else."""

    @property
    def reads(self) -> tuple[str, ...]: ...

    def holds(self, resource: dict[str, Any]) -> bool | Fault: ...

    def number(self, resource: dict[str, Any]) -> Decimal | Fault | None:
        """The resource's value in the condition's unit."""
        ...

    def concerns(self, resource: dict[str, Any]) -> bool: ...


Compile = Callable[[str, str], Any]  # (text, unit) to a Condition or a Fault


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule, compiled. `digest` names its version."""

    name: str
    digest: str
    title: str
    watches: str
    condition: Condition
    clears: Condition | None
    timing: Timing
    severity: str
    say: str
    unit: str = ""
    ages: tuple[tuple[str, Decimal], ...] = ()  # (operator, days)
    escalate_to: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    silent: tuple[tuple[time, time], ...] = ()
    source: str = ""
    file: str = ""
    enabled: bool = True

    def fits_age(self, days: Decimal | None) -> bool:
        """Whether a patient of this age is of the rule's group; an unknown age fits only a rule for everybody."""
        if not self.ages:
            return True
        if days is None:
            return False
        return all(COMPARE[operator](days, limit) for operator, limit in self.ages)


class Never:
    """A condition that nothing meets."""

    reads: tuple[str, ...] = ()

    def holds(self, resource: dict[str, Any]) -> bool | Fault:
        return False

    def number(self, resource: dict[str, Any]) -> Decimal | Fault | None:
        return None

    def concerns(self, resource: dict[str, Any]) -> bool:
        return False


def gone(name: str, version: str, title: str, severity: str) -> Rule:
    """What is known of a rule that is not deployed any more, from an alert that it raised."""
    return Rule(name, version, title, "", Never(), None, Timing(), severity, title)


def read_rule(
    text: str | bytes, file: str, compile_: Compile, environment: Mapping[str, str], types: Sequence[str] = ()
) -> tuple[Rule | None, list[Diagnostic]]:
    """The rule of one file, or None, with what is to say about it; it watches one of the `types` of resources. Never raises."""
    node, found = read(text, file)
    reading = Reading(environment, found)
    if not isinstance(node, Pairs):
        if node is not None:
            reading.say("E750", "an alert file is names with values", node.at, "begin with `alert: its_name`")
        return None, reading.found
    for key, _ in node:
        if key.text not in KEYS:
            reading.say(
                "E751", f"a rule has no {key.text!r}", key.at, did_you_mean(key.text, KEYS) or f"its keys: {', '.join(KEYS)}"
            )
    reader = _Reader(node, reading, compile_, types)
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    rule = reader.rule(sha256(raw).hexdigest()[:16], file)
    return (None if reading.found else rule), reading.found


def _within(node: Node, word: str) -> Span:
    """Where a word stands in a text of one line that holds it once; else the text."""
    if isinstance(node, Text) and node.at.length == len(node.text) and word and node.text.count(word) == 1:
        start = node.text.index(word)
        return node.at.part(start, start + len(word))
    return node.at


class _Reader:
    def __init__(self, node: Pairs, reading: Reading, compile_: Compile, types: Sequence[str]) -> None:
        self.node, self.reading, self.compile, self.types = node, reading, compile_, types

    def rule(self, digest: str, file: str) -> Rule | None:
        name, severity, unit = self.text("alert"), self.text("severity") or "high", self.text("unit")
        if not name:
            self.reading.say("E750", "the rule has no name", self.node.at, "begin with `alert: its_name`")
        if severity not in SEVERITIES:
            self.wrong("severity", f"one of {', '.join(SEVERITIES)}")
        watches = self.text("watches") or "Observation"
        if self.types and watches not in self.types:
            self.wrong(
                "watches",
                "a type of resource, such as Observation" + (f"; {near}" if (near := did_you_mean(watches, self.types)) else ""),
            )
        condition = self.condition("if", unit)
        timing, people = self.timing()
        if condition is None:
            if self.node.get("if") is None:
                self.reading.say("E750", "the rule has no `if`", self.node.at, "say when it is raised")
            return None
        return Rule(
            name, digest, self.text("title") or name, watches, condition, self.condition("clear when", unit),
            timing, severity, self.text("say") or self.text("title") or name, unit, self.ages(), people, self.words("notify"),
            self.silent(), self.text("source"), file, self.reading.yes(self.node.get("enabled"), "enabled", "E752"),
        )  # fmt: skip

    def text(self, key: str) -> str:
        node = self.node.get(key)
        return self.reading.text(node).strip() if isinstance(node, Text) else ""

    def words(self, key: str) -> tuple[str, ...]:
        node: Node | None = self.node.get(key)
        items = node.items if isinstance(node, Items) else () if node is None else (node,)
        return tuple(self.reading.text(item) for item in items if isinstance(item, Text))

    def wrong(self, key: str, wanted: str) -> None:
        node = self.node.get(key)
        self.reading.say("E752", f"{key!r} cannot be read", node.at if node else self.node.at, f"wanted: {wanted}")

    def condition(self, key: str, unit: str) -> Condition | None:
        node = self.node.get(key)
        if node is None:
            return None
        made = self.compile(self.text(key), unit)
        if isinstance(made, Fault):
            of_unit = self.node.get("unit") if made.code == "E743" else None
            self.reading.say(made.code, made.text, of_unit.at if of_unit else _within(node, made.at), made.help)
            return None
        return made  # type: ignore[no-any-return]

    def timing(self) -> tuple[Timing, tuple[str, ...]]:
        parts = [_STEP.fullmatch(part.strip()) for part in self.text("escalate").split(",")]
        steps = [(match.group(1), match.group(2)) for match in parts if match]
        spans = [duration(after) for after, _ in steps]
        if self.node.get("escalate") is not None and (len(steps) < len(parts) or None in spans):
            self.wrong("escalate", "after 10m to charge_nurse, after 30m to physician")
        row = _ROW.search(self.text("for"))
        dwell = (
            duration(self.text("for").replace(row.group(0), "").replace(" and ", " ").strip())
            if row
            else duration(self.text("for"))
        )
        rest = self.text("for").replace(row.group(0), "").replace("and", "").strip() if row else self.text("for")
        if self.node.get("for") is not None and rest and dwell is None:
            self.wrong("for", "2m, or 3 in a row, or both joined by `and`")
        missing = duration(self.text("no reading for"))
        if self.node.get("no reading for") is not None and missing is None:
            self.wrong("no reading for", "a time such as 15m")
        rise, within = self.change("rises")
        fall, other = self.change("falls")
        escalate = tuple(span for span in spans if span is not None)
        timing = Timing(dwell, int(row.group(1)) if row else 1, missing, rise, fall, within or other, escalate)
        return timing, tuple(name for _, name in steps)

    def change(self, key: str) -> tuple[Decimal | None, timedelta | None]:
        if self.node.get(key) is None:
            return None, None
        match = _CHANGE.fullmatch(self.text(key))
        try:
            amount, within = (Decimal(match.group(1)), duration(match.group(2))) if match else (None, None)
        except InvalidOperation:
            amount = within = None
        if amount is None or within is None:
            self.wrong(key, "20 within 10m")
        return amount, within

    def ages(self) -> tuple[tuple[str, Decimal], ...]:
        text = self.text("patients")
        if text in ("", "all"):
            return ()
        found = []
        for part in text.split(" and "):
            match = _AGE.fullmatch(part.strip())
            if match is None:
                self.wrong("patients", "age >= 18 years, or age < 28 days")
                return ()
            found.append((match.group(1), Decimal(match.group(2)) * _DAYS[match.group(3).rstrip("s")]))
        return tuple(found)

    def silent(self) -> tuple[tuple[time, time], ...]:
        text = self.text("silent")
        found = [_SILENT.fullmatch(part.strip()) for part in text.split(",")]
        try:
            spans = tuple((time.fromisoformat(one.group(1)), time.fromisoformat(one.group(2))) for one in found if one)
        except ValueError:
            spans = ()
        spans = spans if all(found) else ()
        if text and not spans:
            self.wrong("silent", "22:00 to 06:00")
        return spans
