"""The FHIR R4 element model: what every type holds, from the official StructureDefinitions.

Paths are dotted names through the types (`Observation.referenceRange.low.value`); a choice is named concretely
(`valueQuantity`) or as its group (`value[x]`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir.ids import resource_id
from fhir.primitives import literal
from fhir.tables import table

PRIMITIVES = frozenset(table("r4")["primitives"])


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. `max` is None for `*`; `choice` is the group (`value[x]`) of which this is one member."""

    name: str
    type: str
    min: int
    max: int | None
    targets: tuple[str, ...] = ()
    codes: frozenset[str] | None = None  # of a required binding, complete
    choice: str = ""
    value_set: str = ""  # where the codes come from
    definition: str = ""  # the type's own name in the table: Observation.referenceRange for a backbone

    @property
    def primitive(self) -> bool:
        """Whether the value is a plain string, number or boolean."""
        return self.type in PRIMITIVES


@dataclass(frozen=True, slots=True)
class Group:
    """A choice as a whole: its name and whether one member must stand."""

    name: str
    min: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Type:
    """A type with all its elements, inherited ones first, choices by their concrete names."""

    name: str
    kind: str  # resource, complex, backbone, abstract
    base: str
    elements: dict[str, Element]
    groups: dict[str, Group]


@cache
def codes(value_set: str) -> frozenset[str]:
    """The codes of a value set with a required binding, without their systems."""
    return frozenset(pair.rpartition("|")[2] for pair in table("r4")["codes"][value_set])


@cache
def type_of(name: str) -> Type | None:
    """A type by name: `Observation`, `Quantity`, `Observation.component`; None when R4 has none."""
    row = table("r4")["types"].get(name)
    if row is None:
        return None
    base, kind, rows = row
    parent = type_of(base) if base else None
    elements = dict(parent.elements) if parent else {}
    groups = dict(parent.groups) if parent else {}
    for own in rows:
        for element in members(own):
            elements[element.name] = element
        if own[0].endswith("[x]"):
            groups[own[0]] = Group(own[0], own[1], tuple(concrete(own[0], kind) for kind in own[3]))
    return Type(name, kind, base, elements, groups)


def members(row: list[Any]) -> list[Element]:
    """The concrete elements of one row of the table: one, or all members of a choice."""
    name, least, most, kinds, targets, bound = row
    choice = name if name.endswith("[x]") else ""
    found = []
    for kind in kinds:
        held = table("r4")["types"].get(kind)
        backbone = held is not None and held[1] == "backbone"
        found.append(
            Element(
                name=concrete(name, kind) if choice else name,
                type=held[0] if backbone else kind,
                min=0 if choice else least,
                max=most or None,
                targets=tuple(targets) if kind in ("Reference", "canonical") else (),
                codes=codes(bound) if bound else None,
                choice=choice,
                value_set=bound,
                definition=kind,
            )
        )
    return found


def concrete(group: str, kind: str) -> str:
    """A choice's member: (`value[x]`, `Quantity`) is `valueQuantity`."""
    return group[:-3] + kind[0].upper() + kind[1:]


@cache
def element(path: str) -> Element | None:
    """An element by its path; None when R4 has no such element."""
    first, *names = path.split(".")
    place = type_of(first)
    found = None
    for name in names:
        if place is None:
            return None
        found = place.elements.get(name) or _beside(place, name)
        if found is None:
            return None
        place = type_of(found.definition)
    return found


def _beside(place: Type, name: str) -> Element | None:
    """What may stand beside a primitive of which there is one: `_birthDate` holds the extensions of birthDate."""
    found = place.elements.get(name[1:]) if name[:1] == "_" else None
    if found is None or not found.primitive or found.max != 1:
        return None
    return Element(name, "Element", 0, 1, definition="Element")


@cache
def place(path: str) -> Type | None:
    """The type that stands at a path: of a resource's or type's name, or of an element."""
    if "." not in path:
        return type_of(path)
    found = element(path)
    return type_of(found.definition) if found else None


def children(path: str) -> tuple[str, ...]:
    """The names below a path, in the standard's order; empty for a primitive and for what does not exist."""
    found = place(path)
    return tuple(found.elements) if found else ()


def required(path: str) -> tuple[str, ...]:
    """The names that must stand below a path; a choice by its group."""
    found = place(path)
    if found is None:
        return ()
    return tuple(e.name for e in found.elements.values() if e.min) + tuple(g.name for g in found.groups.values() if g.min)


@cache
def resources() -> tuple[str, ...]:
    """The names of all R4 resource types."""
    return tuple(name for name, row in table("r4")["types"].items() if row[1] == "resource")


class Model:
    """The model as the mapping language asks for it (entry point `isthmus.models`)."""

    name = "fhir R4"

    def resources(self) -> tuple[str, ...]:
        """The names that may stand at the top."""
        return resources()

    def element(self, path: str) -> Element | None:
        """An element by its dotted names, or None."""
        return element(path)

    def children(self, path: str) -> tuple[str, ...]:
        """The names below a path."""
        return children(path)

    def required(self, path: str) -> tuple[str, ...]:
        """The names that must stand below a path."""
        return required(path)

    def literal(self, type: str, text: str) -> Any:
        """The value a text stands for as a primitive type, or a Fault."""
        return literal(type, text)

    identify = staticmethod(resource_id)  # the id of a resource with this key

    def reference(self, type: str, id: str) -> dict[str, str]:
        """The Reference to a resource of this store."""
        return {"reference": f"{type}/{id}"}
