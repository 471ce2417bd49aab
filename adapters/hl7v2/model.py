"""HL7 v2 messages as what a mapping writes: groups, segments and fields of one structure, typed by the standard's tables.

A mapping writes `segments:`; below a segment stand its fields, `OBX-3`, or single components, `PID-3.4`. A value is a repetition: a tuple
of components, each a tuple of subcomponents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from adapters.hl7v2.format import Hl7v2, groups
from adapters.hl7v2.shape import is_structure
from adapters.hl7v2.tables import segments
from adapters.hl7v2.writer import Item, write
from engine.fault import Fault, Kind

_FIELD = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)(?:\.(\d+))?")
Rep = tuple[tuple[str, ...], ...]


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

    def literal(self, type: str, text: str) -> Rep:
        """A text as the only component."""
        return ((text,),)

    def whole(self, made: Any) -> Any:
        """What a converter gave, components as a list, as one value."""
        if not isinstance(made, list):
            return made
        return tuple(tuple(part) if isinstance(part, list) else (part,) for part in made) or None

    def identify(self, type: str, *parts: str) -> str:
        """Messages have no ids of their own."""
        return ""

    def reference(self, type: str, id: str) -> Any:
        """Messages do not refer."""
        return None

    def render(self, tree: Mapping[str, Any], at: datetime, control_id: str, event: str = "") -> bytes | Fault:
        """The bytes of a message from what a mapping made."""
        return write(list(items(tree)), structure=self.structure, at=at, control_id=control_id, event=event)


def items(tree: Mapping[str, Any]) -> Iterator[Item]:
    """Groups and segments in the mapping's order, as the writer takes them."""
    for name, many in tree.items():
        for one in many:
            below = next(iter(one), "")
            yield (name, _fields(one)) if _numbers(below) else (name, list(items(one)))


@lru_cache(maxsize=4096)
def _numbers(name: str) -> tuple[int, int] | None:
    """A field's number and its component's, 0 for the whole field; None for what is no field."""
    match = _FIELD.fullmatch(name)
    return (int(match[2]), int(match[3] or 0)) if match is not None else None


def _fields(segment: Mapping[str, Any]) -> dict[int, Any]:
    """Fields by number; components stated one by one are put together into the first repetition."""
    fields: dict[int, Any] = {}
    for name, value in segment.items():
        numbers = _numbers(name)
        if numbers is None:
            continue
        number, component = numbers
        reps = value if isinstance(value, list) else [value]
        if not component:
            fields[number] = reps
            continue
        whole = [list(rep) for rep in fields.get(number, ((),))]  # the mapping's own values are never changed
        first = whole[0]
        first += [[""]] * (component - len(first))
        first[component - 1] = reps[0][0] if reps and reps[0] else [""]
        fields[number] = whole
    return fields
