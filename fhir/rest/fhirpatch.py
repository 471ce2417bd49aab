"""FHIRPath Patch: Parameters with add, insert, delete, replace and move. Source: https://hl7.org/fhir/R4/fhirpatch.html.

Paths are the simple ones: names, `[index]`, `.first()`, `.last()`, `.where(name = 'value')`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from engine.fault import Fault, Kind
from fhir.model import type_of

JSON = dict[str, Any]
STEP = re.compile(
    r"\.?(?:where\(\s*(?P<key>[A-Za-z]+)\s*=\s*'(?P<value>[^']*)'\s*\)|(?P<end>first|last)\(\)|(?P<name>[A-Za-z]+))|\[(?P<index>[0-9]{1,6})\]"
)
MAX_OPERATIONS = 500


class Wrong(Exception):
    """An operation that does not fit the resource."""


def read(parameters: JSON) -> Callable[[JSON], JSON | Fault] | Fault:
    """The patch as a function."""
    rows = [row for row in parameters.get("parameter", ()) if isinstance(row, dict) and row.get("name") == "operation"]
    if not rows or len(rows) > MAX_OPERATIONS:
        return Fault(Kind.INCORRECT, "E574", "a FHIRPath Patch is Parameters with operations", "Parameters.parameter")

    def apply(resource: JSON) -> JSON | Fault:
        held = copy.deepcopy(resource)
        for place, row in enumerate(rows):
            try:
                operate(held, {part["name"]: part for part in row.get("part", ())})
            except (Wrong, KeyError, IndexError, TypeError, ValueError):
                at = f"Parameters.parameter[{place}]"
                return Fault(Kind.INCORRECT, "E574", "an operation does not fit the resource", at, "see its path")
        return held

    return apply


def operate(resource: JSON, parts: dict[str, JSON]) -> None:
    """One operation, in place."""
    kind, path = parts["type"]["valueCode"], parts["path"]["valueString"]
    found = places(resource, path)
    if kind == "add":
        added(one(found), parts["name"]["valueString"], valued(parts["value"]))
    elif kind == "delete":
        if len(found) > 1:
            raise Wrong
        for parent, key in found:
            del parent[key]
            tidy(resource)
    elif kind == "replace":
        parent, key = one(found)
        parent[key] = valued(parts["value"])
    elif kind == "insert":
        listed(resource, path).insert(checked(parts["index"]["valueInteger"], resource, path, 0), valued(parts["value"]))
    elif kind == "move":
        rows = listed(resource, path)
        source = checked(parts["source"]["valueInteger"], resource, path, 1)
        target = checked(parts["destination"]["valueInteger"], resource, path, 1)
        rows.insert(target, rows.pop(source))
    else:
        raise Wrong


Place = tuple[Any, Any]  # what holds the value, and the name or index it is held by


def one(found: list[Place]) -> Place:
    """The only place."""
    if len(found) != 1:
        raise Wrong
    return found[0]


def checked(index: int, resource: JSON, path: str, less: int) -> int:
    """A place inside the list."""
    if not 0 <= index <= len(listed(resource, path)) - less:
        raise Wrong
    return index


def places(resource: JSON, path: str) -> list[Place]:
    """Where a path leads."""
    root = {"": resource}
    found: list[Place] = [(root, "")]
    position = 0
    while position < len(path):
        match = STEP.match(path, position)
        if match is None:
            raise Wrong
        begin, position = position, match.end()
        if begin == 0 and match["name"] == resource["resourceType"]:
            continue
        found = step(found, match)
    return found


def step(found: list[Place], match: re.Match[str]) -> list[Place]:
    """One step of a path."""
    if match["name"]:
        return [place for parent, key in found for place in below(parent[key], match["name"])]
    if match["key"]:
        return [(parent, key) for parent, key in found if parent[key].get(match["key"]) == match["value"]]
    if match["end"]:
        return found[:1] if match["end"] == "first" else found[-1:]
    return found[int(match["index"]) : int(match["index"]) + 1]


def below(value: Any, name: str) -> list[Place]:
    """The values of a name, a choice also by its bare name."""
    if not isinstance(value, dict):
        return []
    if name not in value:
        name = next((key for key in value if key.startswith(name) and key[len(name) : len(name) + 1].isupper()), name)
    held = value.get(name)
    if held is None:
        return []
    return [(held, index) for index in range(len(held))] if isinstance(held, list) else [(value, name)]


def listed(resource: JSON, path: str) -> list[Any]:
    """The list a path names."""
    head, _, name = path.rpartition(".")
    parent, key = one(places(resource, head))
    held = parent[key].setdefault(name, [])
    if not isinstance(held, list):
        raise Wrong
    return held


def added(place: Place, name: str, value: Any) -> None:
    """Adds a value under a name: to the end of a list where the element repeats."""
    parent, key = place
    target = parent[key]
    held = target.get(name)
    if isinstance(held, list):
        held.append(value)
    elif held is not None:
        raise Wrong
    else:
        type = type_of(target["resourceType"]) if "resourceType" in target else None
        element = type.elements.get(name) if type else None
        repeats = element.max != 1 if element else name in REPEATING
        target[name] = [value] if repeats else value


REPEATING = ("coding", "given", "line", "prefix", "suffix", "extension", "identifier", "telecom", "address")


def valued(part: JSON) -> Any:
    """The value of a part: `value[x]`, or an object of its own parts."""
    for name, value in part.items():
        if name.startswith("value"):
            return value
    found: JSON = {}
    for inner in part["part"]:
        name, value = inner["name"], valued(inner)
        if name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = [value] if name in REPEATING else value
    return found


def tidy(value: Any) -> None:
    """Removes lists and objects that a deletion left empty."""
    if isinstance(value, dict):
        for name in list(value):
            tidy(value[name])
            if value[name] in ({}, []):
                del value[name]
    elif isinstance(value, list):
        for inner in value:
            tidy(inner)
