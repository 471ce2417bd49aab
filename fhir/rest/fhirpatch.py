"""FHIRPath Patch: Parameters with add, insert, delete, replace and move. Source: https://hl7.org/fhir/R4/fhirpatch.html."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from engine.fault import Fault, Kind
from fhir.model import Element, type_of
from fhir.rest.places import Odd, Place, Wrong, choice, places

JSON = dict[str, Any]
MAX_OPERATIONS = 500


def read(parameters: JSON) -> Callable[[JSON], JSON | Fault] | Fault:
    """The patch as a function."""
    held = parameters.get("parameter")
    rows = [row for row in held if isinstance(row, dict) and row.get("name") == "operation"] if isinstance(held, list) else []
    if not rows or len(rows) > MAX_OPERATIONS:
        return Fault(Kind.INCORRECT, "E574", "a FHIRPath Patch is Parameters with operations", "Parameters.parameter")

    def apply(resource: JSON) -> JSON | Fault:
        held = copy.deepcopy(resource)
        for place, row in enumerate(rows):
            at = f"Parameters.parameter[{place}]"
            try:
                operate(held, {part["name"]: part for part in row.get("part", ())})
            except (Wrong, IndexError):
                return Fault(Kind.INCORRECT, "E579", "an operation does not fit the resource", at, "see its path")
            except (Odd, KeyError, TypeError, ValueError, AttributeError):
                return Fault(Kind.INCORRECT, "E574", "not an operation of a FHIRPath Patch", at, "see its parts")
        return held

    return apply


def operate(resource: JSON, parts: dict[str, JSON]) -> None:
    """One operation, in place."""
    kind, path = parts["type"]["valueCode"], parts["path"]["valueString"]
    if kind == "add":
        added(one(places(resource, path)), parts["name"]["valueString"], parts["value"])
    elif kind == "delete":
        found = places(resource, path)
        if len(found) > 1:
            raise Wrong
        for place in found:
            place.drop()
        tidy(resource)
    elif kind == "replace":
        replaced(resource, path, parts["value"])
    elif kind == "insert":
        rows, element = listed(resource, path)
        rows.insert(within(parts["index"]["valueInteger"], rows, 0), valued(parts["value"], element))
    elif kind == "move":
        rows, _ = listed(resource, path)
        source = within(parts["source"]["valueInteger"], rows, 1)
        target = within(parts["destination"]["valueInteger"], rows, 1)
        rows.insert(target, rows.pop(source))
    else:
        raise Odd


def one(found: list[Place]) -> Place:
    """The only place."""
    if len(found) != 1:
        raise Wrong
    return found[0]


def within(index: int, rows: list[Any], less: int) -> int:
    """A place inside the list."""
    if not 0 <= index <= len(rows) - less:
        raise Wrong
    return index


def listed(resource: JSON, path: str) -> tuple[list[Any], Element | None]:
    """The list a path names, and what the model says of its values."""
    head, _, name = path.rpartition(".")
    parent = one(places(resource, head))
    held = parent.value.setdefault(name, [])
    if not isinstance(held, list):
        raise Wrong
    return held, parent.element(name)


def replaced(resource: JSON, path: str, part: JSON) -> None:
    """Puts another value at a place; another type of a choice takes the name that goes with it."""
    place = one(places(resource, path))
    parent = path.rpartition(".")[0]
    group = choice(one(places(resource, parent)), place.name) if place.index is None and parent else ""
    if group:
        place.drop()
        place.name = group + suffix(part)
    place.put(valued(part, Element(place.name, "", 0, 1, definition=place.type)))


def added(place: Place, name: str, part: JSON) -> None:
    """Adds a value under a name: to the end of a list where the element repeats."""
    target = place.value
    if not isinstance(target, dict):
        raise Wrong
    if place.element(name) is None and place.element(name + suffix(part)) is not None:
        name += suffix(part)
    element, held = place.element(name), target.get(name)
    value = valued(part, element)
    if isinstance(held, list):
        held.append(value)
    elif held is not None:
        raise Wrong
    else:
        target[name] = [value] if element is not None and element.max != 1 else value


def suffix(part: JSON) -> str:
    """The type that a part's value says it has: `Quantity` of `valueQuantity`."""
    return next((key.removeprefix("value") for key in part if key.startswith("value") and key != "value"), "")


def valued(part: JSON, element: Element | None) -> Any:
    """The value of a part: `value[x]`, or an object of its own parts, as the element's type has them."""
    kind = suffix(part)
    if kind:
        return part[f"value{kind}"]
    if "resource" in part:
        return part["resource"]
    found: JSON = {}
    known = type_of(element.definition) if element is not None else None
    for inner in part["part"]:
        name = inner["name"]
        if known is not None and name not in known.elements and name + suffix(inner) in known.elements:
            name += suffix(inner)
        below = known.elements.get(name) if known is not None else None
        value = valued(inner, below)
        if below is not None and below.max != 1:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def tidy(value: Any) -> None:
    """Removes lists and objects that a deletion left empty, and lists beside primitives that say nothing any more."""
    if isinstance(value, dict):
        for name in list(value):
            tidy(value[name])
            if value[name] in ({}, []) or (name[:1] == "_" and isinstance(value[name], list) and not any(value[name])):
                del value[name]
    elif isinstance(value, list):
        for inner in value:
            tidy(inner)
