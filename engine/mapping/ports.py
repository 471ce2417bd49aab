"""What the mapping language asks of the two ends it joins: a model of what is written, and converters between types.

Both arrive by entry points, so that this package knows no HL7 and no FHIR:

- `isthmus.models`: `fhir = "fhir.model:Model"`, a class called without arguments.
- `isthmus.converters`: any name, an object with `converter(source, target)`; the first that knows the pair is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from engine.types import Scope

Convert = Callable[[Any], Any]
"""One valued source value to: one target value, a list of them where the target repeats, None (nothing to say), or a Fault.

The value is what `Path.first` of the source's format gives: for HL7 a `Rep` for a whole field and a `str` for a component;
for FHIR and JSON documents the plain value below the name. A Fault needs no place: the mapping adds the path and the rule.
"""


class Element(Protocol):
    """What the model knows of one element. Attributes only: a frozen dataclass fits."""

    @property
    def type(self) -> str:
        """The type's name: `CodeableConcept`, `dateTime`, `BackboneElement`, `Reference`, `Resource`."""
        ...

    @property
    def min(self) -> int:
        """The least number of values, 0 or 1 as a rule; 0 for each member of a choice (see `choice_min`)."""
        ...

    @property
    def max(self) -> int | None:
        """The largest number of values; None for `*`."""
        ...

    @property
    def targets(self) -> tuple[str, ...]:
        """The resource types a Reference may point to; empty for any and for what is no reference."""
        ...

    @property
    def codes(self) -> frozenset[str] | None:
        """The codes of a required binding, complete; None where any code may stand."""
        ...

    @property
    def choice(self) -> str:
        """The group this element is one member of: `value[x]` for `valueQuantity`; empty as a rule."""
        ...

    @property
    def primitive(self) -> bool:
        """Whether the value is a plain string, number or boolean."""
        ...


class Model(Protocol):
    """The types of what a mapping writes."""

    name: str  # "fhir R4": as `writes:` states it

    def resources(self) -> tuple[str, ...]:
        """The names that may stand at the top: Patient, Observation …"""
        ...

    def element(self, path: str) -> Element | None:
        """An element by its dotted names, through the types: `Observation.referenceRange.low.value`; choices by their concrete
        names, `Observation.valueQuantity.unit`. None when it does not exist."""
        ...

    def children(self, path: str) -> tuple[str, ...]:
        """The names that may stand below a resource or element, in the standard's order, choices by their concrete names."""
        ...

    def required(self, path: str) -> tuple[str, ...]:
        """The names among them that must stand; a required choice by its group name, `value[x]`."""
        ...

    def literal(self, type: str, text: str) -> Any:
        """What stands in the file for a primitive type: `true` to True, `7.10` to Decimal("7.10"); a Fault when it is none."""
        ...

    def identify(self, type: str, *parts: str) -> str:
        """The id of a resource with this key: the same parts give the same id."""
        ...

    def reference(self, type: str, id: str) -> Any:
        """The value that points to a resource: `{"reference": "Patient/…"}`."""
        ...


class Converters(Protocol):
    """The functions from one type to another."""

    def converter(self, source: str, target: str) -> Convert | None:
        """The function from a source type (`CWE`) to a target type (`CodeableConcept`), or None if there is none."""
        ...


class Texts(Protocol):
    """What a format's `depends(paths)` gives, where it can: the texts that the values of these paths follow from."""

    @property
    def read(self) -> Callable[[Scope], tuple[Any, tuple[Any, ...]] | None]:
        """From a scope to (context, texts): the same texts in the same context mean the same values. None: it cannot be told here."""
        ...

    @property
    def of(self) -> tuple[tuple[int, ...], ...]:
        """Which of the texts each path depends on."""
        ...
