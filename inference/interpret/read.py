"""Text to the table of findings: YAML without implicit types and without aliases; every mistake is told with its line and what to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from typing import Any

import yaml

from engine.fault import Fault, Kind
from inference.ecgfm.labels import LABELS
from inference.interpret.table import GROUPS, MEASURES, SEVERITIES, Contradiction, Measured, Rule, Table
from inference.models.labels import LEAD_ONE, TWELVE

KNOWN = (*TWELVE, *LEAD_ONE, *LABELS)
INFINITE = float("inf")
FORMS = {
    "snomed": (re.compile(r"^[1-9]\d{5,17}$"), "a SNOMED CT number"),
    "scp": (re.compile(r"^[A-Z0-9_/()]{2,12}$"), "an SCP-ECG statement code"),
    "mdc": (re.compile(r"^MDC_[A-Z0-9_]+$"), "an MDC reference id"),
}
Place = tuple[int, int]


class Wrong(ValueError):
    """What cannot be read, and where: line and column, from 1."""

    def __init__(self, text: str, at: Place) -> None:
        super().__init__(text)
        self.at = at


def _at(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _meant(word: str, among: tuple[str, ...]) -> str:
    near = get_close_matches(word, among, 1)
    return f"; did you mean `{near[0]}`?" if near else ""


@dataclass(slots=True)
class Row:
    """A mapping with the place of each of its names; each reading method raises Wrong."""

    node: yaml.Node
    names: tuple[str, ...]
    parts: dict[str, yaml.Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.node, yaml.MappingNode):
            raise Wrong("here `name: value` pairs are needed", _at(self.node))
        for key, value in self.node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name not in self.names:
                raise Wrong(f"`{name[:40]}` is not known here{_meant(name, self.names)}", _at(key))
            if name in self.parts:
                raise Wrong(f"`{name}` stands here twice", _at(key))
            self.parts[name] = value

    def at(self, name: str) -> Place:
        """Where a value stands, or the row where it is absent."""
        return _at(self.parts.get(name, self.node))

    def word(self, name: str, among: tuple[str, ...] = (), default: str | None = None) -> str:
        """Text, one of those allowed."""
        node = self.parts.get(name)
        value = default if node is None else node.value if isinstance(node, yaml.ScalarNode) else None
        if value is None or (default is None and not value.strip()):
            raise Wrong(f"`{name}` must be a word", self.at(name))
        if among and value not in among and value != default:
            raise Wrong(f"`{name}` must be {' or '.join(among)}{_meant(value, among)}", self.at(name))
        return str(value)

    def words(self, name: str) -> list[tuple[str, Place]]:
        """A list of texts with their places."""
        node = self.parts.get(name)
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise Wrong(f"`{name}` must be a list of words", self.at(name))
        if not all(isinstance(one, yaml.ScalarNode) for one in node.value):
            raise Wrong(f"`{name}` must be a list of words", self.at(name))
        return [(one.value, _at(one)) for one in node.value]

    def number(self, name: str, default: float, low: float = -INFINITE, high: float = INFINITE) -> float:
        """A number within bounds."""
        if name not in self.parts:
            return default
        return _number(self.parts[name], name, low, high)

    def pair(self, name: str) -> tuple[float, float]:
        """Two numbers, the lower first."""
        node = self.parts.get(name)
        if not isinstance(node, yaml.SequenceNode) or len(node.value) != 2:
            raise Wrong(f"`{name}` must be two numbers", self.at(name))
        low, high = (_number(one, name) for one in node.value)
        if not low < high:
            raise Wrong(f"`{name}` must be two numbers, the lower first", self.at(name))
        return low, high

    def span(self) -> tuple[float, float]:
        """over ≤ value < under, at least one of them given."""
        over, under = self.number("over", -INFINITE), self.number("under", INFINITE)
        if not over < under or (over, under) == (-INFINITE, INFINITE):
            raise Wrong("`over`, `under` or both are needed, and `over` must be less than `under`", self.at("over"))
        return over, under

    def code(self, name: str) -> str:
        """A code of a system's form, or nothing."""
        value, (form, what) = self.word(name, default=""), FORMS[name]
        if value and not form.match(value):
            raise Wrong(f"`{name}` must be {what}", self.at(name))
        return value


def _number(node: yaml.Node, name: str, low: float = -INFINITE, high: float = INFINITE) -> float:
    try:
        value = float(node.value) if isinstance(node, yaml.ScalarNode) else INFINITE
    except ValueError:
        value = INFINITE
    if not isfinite(value) or not low <= value <= high:
        bounds = f" from {low:g} to {high:g}" if isfinite(low) else ""
        raise Wrong(f"`{name}` must be a number{bounds}", _at(node))
    return value


def _rule(node: yaml.Node) -> Rule:
    row = Row(node, ("finding", "labels", "present", "severity", "group", *FORMS))
    labels = row.words("labels")
    for label, at in labels:
        if label not in KNOWN:
            raise Wrong(f"no model has the label `{label[:40]}`{_meant(label, KNOWN)}", at)
    own = row.word("present", default="") == "model"
    if not own and "present" not in row.parts:
        raise Wrong("`present` must be a probability, or `model`", row.at("present"))
    present = None if own else row.number("present", 1.0, 0.001, 1.0)
    severity, group = row.word("severity", SEVERITIES), row.word("group", GROUPS)
    return Rule(row.word("finding"), tuple(one for one, _ in labels), present, severity, group, *map(row.code, FORMS))


def _measured(node: yaml.Node) -> Measured:
    row = Row(node, ("finding", "measure", "over", "under", "severity", "group", "snomed", "mdc"))
    measure, (over, under) = row.word("measure", MEASURES), row.span()
    severity, group = row.word("severity", SEVERITIES), row.word("group", GROUPS)
    return Measured(row.word("finding"), measure, over, under, severity, group, row.code("snomed"), row.code("mdc"))


def _contradiction(node: yaml.Node, names: tuple[str, ...]) -> Contradiction:
    row = Row(node, ("findings", "measure", "over", "under", "because"))
    findings = row.words("findings")
    for name, at in findings:
        if name not in names:
            raise Wrong(f"there is no finding `{name[:40]}`{_meant(name, names)}", at)
    measure = row.word("measure", MEASURES, default="")
    over, under = row.span() if measure or "over" in row.parts or "under" in row.parts else (-INFINITE, INFINITE)
    if not measure and (over, under) != (-INFINITE, INFINITE):
        raise Wrong(
            "`over` and `under` are of a `measure`, which is not named", row.at("over" if "over" in row.parts else "under")
        )
    return Contradiction(tuple(name for name, _ in findings), row.word("because"), measure, over, under)


def _rows(top: Row, name: str, read: Callable[[yaml.Node], Any]) -> list[Any]:
    node = top.parts.get(name)
    if node is None:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise Wrong(f"`{name}` must be a list", _at(node))
    return [read(one) for one in node.value]


def _once(rows: list[Rule | Measured], nodes: list[yaml.Node]) -> tuple[str, ...]:
    seen: set[str] = set()
    for row, node in zip(rows, nodes, strict=True):
        if row.finding in seen:
            raise Wrong(f"the finding `{row.finding[:40]}` stands here twice", _at(node))
        seen.add(row.finding)
    return tuple(seen)


def _table(text: str) -> Table:
    for event in yaml.parse(text, yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            mark = event.start_mark
            raise Wrong("aliases are not used here", (mark.line + 1, mark.column + 1) if mark else (1, 1))
    root = yaml.compose(text, yaml.BaseLoader)
    if root is None:
        raise Wrong("the table is empty", (1, 1))
    top = Row(root, ("floor", "possible", "rate", "findings", "measured", "contradictions"))
    rules, measured = _rows(top, "findings", _rule), _rows(top, "measured", _measured)
    nodes = [node for name in ("findings", "measured") if name in top.parts for node in top.parts[name].value]
    names = _once([*rules, *measured], nodes)
    contradictions = _rows(top, "contradictions", lambda node: _contradiction(node, names))
    if "rate" not in top.parts:
        raise Wrong("`rate` is missing: `calm` and `critical`", _at(root))
    rate = Row(top.parts["rate"], ("calm", "critical"))
    calm, critical = rate.pair("calm"), rate.pair("critical")
    if not (critical[0] <= calm[0] and calm[1] <= critical[1]):
        raise Wrong("`critical` must lie outside `calm`", rate.at("critical"))
    floor, possible = top.number("floor", 0.2, 0.0, 1.0), top.number("possible", 0.6, 0.0, 1.0)
    return Table(floor, possible, calm, critical, tuple(rules), tuple(measured), tuple(contradictions))


def parse(text: str) -> Table | Fault:
    """Reads a table; the fault's place is the line and column of what is wrong."""
    try:
        return _table(text)
    except Wrong as error:
        said, (line, column) = str(error), error.at
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        said, (line, column) = "the table is not YAML", (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Fault(
        Kind.INCORRECT, "E850", said[:240], f"line {line}:{column}", "inference/interpret/table.yaml explains every word"
    )
