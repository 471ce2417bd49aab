"""HL7 v2 messages as what a mapping writes: groups, segments and fields of one structure, typed by the standard's tables.

A mapping writes `segments:`; below a segment stand its fields, `OBX-3`, or single components, `PID-3.4`. A value is a repetition as it is
written, escaped: what an injection would need is gone before anything is put together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from adapters.hl7v2.escape import STANDARD
from adapters.hl7v2.format import Hl7v2, groups
from adapters.hl7v2.render import Ready, ready
from adapters.hl7v2.shape import is_structure
from adapters.hl7v2.tables import segments
from adapters.hl7v2.writer import Item, write
from engine.fault import Fault, Kind
from fhir.recall import Recall

_FIELD = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)(?:\.(\d+))?")
COMPONENT = STANDARD.component
REMEMBERED, LONGEST = 512, 200  # texts of a rule, and characters of one
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Element:
    """A group, a segment or a field."""

    type: str
    max: int | None
    primitive: bool
    min: int = 0
    targets: tuple[str, ...] = ()
    codes: frozenset[str] | None = None
    choice: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """The model plug-in `hl7v2`; `of` gives the one of a structure."""

    structure: str = ""
    name: str = "hl7v2"

    def of(self, structure: str) -> Model | Fault:
        """The model of a message structure."""
        if not is_structure(structure):
            return Fault(
                Kind.NOT_FOUND, "E134", f"the standard has no message structure {structure}", help="writes: hl7v2 ORU_R01"
            )
        return Model(structure, f"hl7v2 {structure}")

    def resources(self) -> tuple[str, ...]:
        """Nothing stands alone: a message is written whole."""
        return ()

    def element(self, path: str) -> Element | None:
        """A group, a segment or, below a segment, one of its fields or components."""
        *_, above, name = ("", *re.split(r"\.(?=[A-Z])", path))
        match = _FIELD.fullmatch(name)
        if match is not None:
            return self._field(name, match) if match[1] == above else None
        if name in groups(self.structure):
            return Element("group", None, False)
        return Element("segment", None, False) if name in segments() or re.fullmatch(r"Z[A-Z0-9]{2}", name) else None

    def _field(self, name: str, match: re.Match[str]) -> Element | None:
        if name.startswith("Z"):
            return Element("ST", None, True)
        found = Hl7v2().path(name, "", "")
        if isinstance(found, Fault):
            return None
        entry = segments()[match[1]][int(match[2])]
        return Element(found.type, 1 if match[3] or entry.most == 1 else None, True)

    def children(self, path: str) -> tuple[str, ...]:
        """The names that may stand below: fields of a segment, else groups and segments."""
        name = path.rpartition(".")[2]
        if name in segments():
            return tuple(f"{name}-{number}" for number in sorted(segments()[name]))
        return (*groups(self.structure), *segments())

    def required(self, path: str) -> tuple[str, ...]:
        """None: what a receiver wants is checked when the message is written."""
        return ()

    def literal(self, type: str, text: str) -> Ready:
        """A text as the only component."""
        return ready((text,))

    def whole(self, convert: Convert) -> Convert:
        """A converter that gives components as a list, as one that gives a repetition ready to be written.

        What comes again is remembered: texts (codes, times) by themselves, and the very same objects (concepts, persons, numbers)."""
        texts: dict[str, Any] = {}
        objects = Recall()

        def fresh(value: Any) -> Any:
            made = convert(value)
            if made.__class__ is not list:
                return made
            return ready([part[0] if len(part) == 1 else part for part in made]) if made else None

        def written(value: Any) -> Any:
            if value.__class__ is str:
                found = texts.get(value)
                if found is None:
                    found = fresh(value)
                    if len(texts) >= REMEMBERED:
                        texts.clear()
                    if found.__class__ is Ready and len(value) <= LONGEST:
                        texts[value] = found
                return found
            if value.__class__ is not dict and value.__class__ is not Decimal:
                return fresh(value)
            held = objects.get(id(value))
            if held is None or held[0] is not value:
                held = (value, fresh(value))
                objects.keep(held)
            return held[1]

        return written

    def identify(self, type: str, *parts: str) -> str:
        """Messages have no ids of their own."""
        return ""

    def reference(self, type: str, id: str) -> Any:
        """Messages do not refer."""
        return None

    def render(self, tree: Mapping[str, Any], at: datetime, control_id: str, event: str = "") -> bytes | Fault:
        """The bytes of a message from what a mapping made."""
        return write(rows(tree), structure=self.structure, at=at, control_id=control_id, event=event)


def rows(tree: Mapping[str, Any]) -> list[Item]:
    """The segments with their fields in the mapping's order, out of their groups, as the writer takes them."""
    found: list[Item] = []
    _collect(tree, found)
    return found


def _collect(tree: Mapping[str, Any], found: list[Item]) -> None:
    for name, many in tree.items():
        for one in many:
            if _numbers(next(iter(one), "")):
                found.append((name, _fields(one)))
            else:
                _collect(one, found)


@lru_cache(maxsize=4096)
def _numbers(name: str) -> tuple[int, int] | None:
    """A field's number and its component's, 0 for the whole field; None for what is no field."""
    match = _FIELD.fullmatch(name)
    return (int(match[2]), int(match[3] or 0)) if match is not None else None


@lru_cache(maxsize=4096)
def _whole(names: tuple[str, ...]) -> tuple[int, ...] | None:
    """The numbers of fields that are stated whole; None where components are among them."""
    numbers = [found for name in names if (found := _numbers(name)) is not None]
    return tuple(number for number, _ in numbers) if len(numbers) == len(names) and not any(part for _, part in numbers) else None


def _fields(segment: Mapping[str, Any]) -> dict[int, Any]:
    """Fields by number; components stated one by one are put together into the first repetition."""
    whole = _whole(tuple(segment))
    if whole is not None:
        return dict(zip(whole, segment.values(), strict=True))
    fields: dict[int, Any] = {}
    for name, value in segment.items():
        numbers = _numbers(name)
        if numbers is None:
            continue
        number, component = numbers
        if not component:
            fields[number] = value
            continue
        before = fields.get(number, "")
        some = list(before) if before.__class__ is list else [before]  # the mapping's own values are never changed
        parts = some[0].split(COMPONENT)
        parts += [""] * (component - len(parts))
        one = value[0] if value.__class__ is list else value
        parts[component - 1] = one.partition(COMPONENT)[0]
        some[0] = Ready(COMPONENT.join(parts).rstrip(COMPONENT))
        fields[number] = some
    return fields
