"""Reads the table of findings: YAML without implicit types, without aliases, every mistake named with its line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any

import yaml

from engine.fault import Fault, Kind

SHIPPED = Path(__file__).with_name("table.yaml")
SEVERITIES = ("normal", "borderline", "abnormal", "critical")
GROUPS = ("Rhythm", "Conduction", "Ischemia", "Structural", "Other")
LARGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """A finding of the model's; `present` is None for the model's own operating point."""

    finding: str
    labels: tuple[str, ...]
    present: float | None
    severity: str
    group: str
    snomed: str = ""
    scp: str = ""
    mdc: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A finding of a measurement: over ≤ value < under."""

    finding: str
    measure: str
    over: float
    under: float
    severity: str
    group: str
    snomed: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Findings that cannot all be true, or cannot be true with a measurement."""

    findings: tuple[str, ...]
    because: str
    measure: str = ""
    over: float = float("-inf")
    under: float = float("inf")


@dataclass(frozen=True, slots=True)
class Table:
    """All rules."""

    floor: float
    possible: float
    calm: tuple[float, float]
    critical: tuple[float, float]
    findings: tuple[Rule, ...]
    measured: tuple[Measured, ...]
    contradictions: tuple[Contradiction, ...]


class Wrong(ValueError):
    """A row that cannot be read."""


def _number(row: dict[str, Any], name: str, default: str | None = None) -> float:
    value = row.get(name, default)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise Wrong(f"`{name}` must be a number") from None
    if isnan(number):
        raise Wrong(f"`{name}` must be a number")
    return number


def _word(row: dict[str, Any], name: str, among: tuple[str, ...] = (), default: str | None = None) -> str:
    value = row.get(name, default)
    if not isinstance(value, str) or (among and value not in among):
        raise Wrong(f"`{name}` must be " + (" or ".join(among) if among else "a word"))
    return value


def _words(row: dict[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise Wrong(f"`{name}` must be a list of words")
    return tuple(value)


def _known(row: Any, names: set[str]) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise Wrong("each rule is a list of `name: value`")
    strange = sorted(str(name) for name in set(row) - names)
    if strange:
        raise Wrong(f"`{strange[0]}` is not known here")
    return row


def _rule(row: Any) -> Rule:
    row = _known(row, {"finding", "labels", "present", "severity", "group", "snomed", "scp", "mdc"})
    present = None if row.get("present") == "model" else _number(row, "present")
    if present is not None and not 0 < present <= 1:
        raise Wrong("`present` must be a probability, or `model`")
    codes = [_word(row, name, default="") for name in ("snomed", "scp", "mdc")]
    severity, group = _word(row, "severity", SEVERITIES), _word(row, "group", GROUPS)
    return Rule(_word(row, "finding"), _words(row, "labels"), present, severity, group, *codes)


def _measured(row: Any) -> Measured:
    row = _known(row, {"finding", "measure", "over", "under", "severity", "group", "snomed"})
    over, under = _number(row, "over", "-inf"), _number(row, "under", "inf")
    if not over < under or (over, under) == (float("-inf"), float("inf")):
        raise Wrong("`over` must be less than `under`")
    severity, group = _word(row, "severity", SEVERITIES), _word(row, "group", GROUPS)
    return Measured(_word(row, "finding"), _word(row, "measure"), over, under, severity, group, _word(row, "snomed", default=""))


def _contradiction(row: Any) -> Contradiction:
    row = _known(row, {"findings", "measure", "over", "under", "because"})
    over, under = _number(row, "over", "-inf"), _number(row, "under", "inf")
    return Contradiction(_words(row, "findings"), _word(row, "because"), _word(row, "measure", default=""), over, under)


def _range(row: Any, name: str) -> tuple[float, float]:
    pair = row.get(name) if isinstance(row, dict) else None
    if not isinstance(pair, list) or len(pair) != 2:
        raise Wrong(f"`{name}` must be two numbers")
    low, high = _number({"0": pair[0]}, "0"), _number({"1": pair[1]}, "1")
    if not low < high:
        raise Wrong(f"`{name}` must be two numbers, the lower first")
    return low, high


def parse(text: str) -> Table | Fault:
    """Reads a table; the fault's place is the section and the number of the row."""
    place = ""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.BaseLoader)):
            raise Wrong("aliases are not used here")
        whole = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - BaseLoader makes text, lists and dictionaries only
        top = _known(whole, {"floor", "possible", "rate", "findings", "measured", "contradictions"})
        sections: dict[str, list[Any]] = {}
        for name, read in (("findings", _rule), ("measured", _measured), ("contradictions", _contradiction)):
            rows = top.get(name, [])
            if not isinstance(rows, list):
                raise Wrong(f"`{name}` must be a list")
            sections[name] = []
            for number, row in enumerate(rows, 1):
                place = f"{name}[{number}]"
                sections[name].append(read(row))
        place = "contradictions"
        names = {rule.finding for rule in (*sections["findings"], *sections["measured"])}
        lost = [word for row in sections["contradictions"] for word in row.findings if word not in names]
        if lost:
            raise Wrong(f"there is no finding `{lost[0]}`")
        place = "rate"
        rate = top.get("rate")
        floor, possible = _number(top, "floor", "0.2"), _number(top, "possible", "0.6")
        calm, critical = _range(rate, "calm"), _range(rate, "critical")
    except (Wrong, yaml.YAMLError, RecursionError) as error:
        text = str(error) if isinstance(error, Wrong) else "the table is not YAML"
        mark = getattr(error, "problem_mark", None)
        at = f"line {mark.line + 1}:{mark.column + 1}" if mark else place
        return Fault(Kind.INCORRECT, "E850", text[:200], at, "inference/interpret/table.yaml explains every word")
    return Table(
        floor,
        possible,
        calm,
        critical,
        tuple(sections["findings"]),
        tuple(sections["measured"]),
        tuple(sections["contradictions"]),
    )


@cache
def shipped() -> Table:
    """The table that comes with the program."""
    table = parse(SHIPPED.read_text(encoding="utf-8"))
    assert isinstance(table, Table), table
    return table


def load(path: Path) -> Table | Fault:
    """A site's own table."""
    try:
        if path.stat().st_size > LARGEST:
            return Fault(Kind.INCORRECT, "E850", "the table is larger than any real one", path.name)
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return Fault(Kind.NOT_FOUND, "E850", f"the table cannot be read ({type(error).__name__})", path.name)
