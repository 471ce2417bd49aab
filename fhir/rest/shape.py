"""The wanted part of a resource: `_summary` and `_elements`. Source: https://hl7.org/fhir/R4/search.html#summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.fault import Fault, Kind
from fhir.model import type_of
from fhir.tables import table

JSON = dict[str, Any]
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
ALWAYS = ("resourceType", "id", "meta")
SUMMARIES = ("true", "text", "data", "false")


def shaped(params: Iterable[tuple[str, str]]) -> tuple[str, tuple[str, ...]] | Fault:
    """Which summary and which elements of one resource are wanted; empty where all of it is."""
    summary: str = ""
    elements: tuple[str, ...] = ()
    for name, value in params:
        if name == "_summary" and value:
            if value not in SUMMARIES:
                return Fault(Kind.INCORRECT, "E562", "a value that this parameter does not have", name, ", ".join(SUMMARIES))
            summary = "" if value == "false" else value
        elif name == "_elements":
            elements = named(value)
    return summary, elements


def named(text: str) -> tuple[str, ...]:
    """The names of `_elements`."""
    return tuple(part for part in text.split(",") if part.isidentifier())


def part(resource: JSON, summary: str, elements: Sequence[str]) -> JSON:
    """A resource's wanted elements, marked as incomplete. What must stand stays."""
    held = type_of(resource["resourceType"])
    needed = {e.name for e in held.elements.values() if e.min} if held else set()
    if summary == "data":
        kept = {name: value for name, value in resource.items() if name != "text"}
    elif summary == "text":
        kept = {name: value for name, value in resource.items() if name in ALWAYS or name == "text" or name in needed}
    elif elements:
        wanted = {name for name in (held.elements if held else ()) if name in elements or group(held, name) in elements}
        kept = {n: v for n, v in resource.items() if n in ALWAYS or n in needed or n.removeprefix("_") in wanted}
    else:
        marked = table("summary").get(resource["resourceType"], ())
        wanted = {name for name in (held.elements if held else ()) if name in marked or group(held, name) + "[x]" in marked}
        kept = {n: v for n, v in resource.items() if n in ALWAYS or n in needed or n.removeprefix("_") in wanted}
    meta = kept.get("meta", {})
    return {**kept, "meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}}


def group(held: Any, name: str) -> str:
    """A choice's bare name: `value` for `valueQuantity`."""
    return str(held.elements[name].choice.removesuffix("[x]"))
