"""Where a simple FHIRPath leads in a resource: names, `[index]`, `.first()`, `.last()`, `.where(system = 'phone' and use = 'home')`.

Source: https://hl7.org/fhir/R4/fhirpatch.html, which asks for these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir.model import Element, type_of

JSON = dict[str, Any]
NAMES = r"[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*)*"
TEST = rf"({NAMES})\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(true|false|-?[0-9]+))"
STEP = re.compile(
    rf"\.?where\(\s*(?P<tests>{TEST}(?:\s+and\s+{TEST})*)\s*\)|\.?(?P<end>first|last)\(\)|\.?(?P<name>[A-Za-z][A-Za-z0-9]*)"
    r"|\[(?P<index>[0-9]{1,6})\]"
)
ONE_TEST = re.compile(TEST)
LONGEST = 1000  # characters of a path


class Wrong(Exception):
    """An operation that does not fit the resource."""


class Odd(Exception):
    """What is no operation at all."""


@dataclass(slots=True)
class Place:
    """A value by what holds it: under a name, in a list there or not, of a type."""

    holder: JSON
    name: str
    index: int | None
    type: str  # as the model names it: HumanName, Patient.contact

    @property
    def value(self) -> Any:
        """What stands there."""
        held = self.holder[self.name]
        return held if self.index is None else held[self.index]

    def put(self, value: Any) -> None:
        """Puts something else there."""
        if self.index is None:
            self.holder[self.name] = value
        else:
            self.holder[self.name][self.index] = value

    def drop(self) -> None:
        """Takes it away, with what stands beside a primitive."""
        for name in (self.name, f"_{self.name}"):
            if self.index is None:
                self.holder.pop(name, None)
            elif name in self.holder and self.index < len(self.holder[name]):
                del self.holder[name][self.index]

    def element(self, name: str) -> Element | None:
        """What the model says of a name below."""
        value = self.value
        kind = value.get("resourceType", self.type) if isinstance(value, dict) else self.type
        known = type_of(kind)
        return known.elements.get(name) if known is not None else None


def places(resource: JSON, path: str) -> list[Place]:
    """Where a path leads; raises Odd where it is none."""
    if len(path) > LONGEST:
        raise Odd
    found, at = [Place({"": resource}, "", None, resource["resourceType"])], 0
    while at < len(path):
        match = STEP.match(path, at)
        if match is None or (at == 0 and path[0] in ".["):
            raise Odd
        begin, at = at, match.end()
        if begin or match["name"] != resource["resourceType"]:
            found = step(found, match)
    return found


def step(found: list[Place], match: re.Match[str]) -> list[Place]:
    """One step of a path."""
    if match["name"]:
        return [inner for place in found for inner in below(place, match["name"])]
    if match["tests"]:
        tests = [(names.split("."), plain or unquoted(text)) for names, text, plain in ONE_TEST.findall(match["tests"])]
        return [place for place in found if all(wanted in texts(place.value, names) for names, wanted in tests)]
    if match["end"]:
        return found[:1] if match["end"] == "first" else found[-1:]
    return found[int(match["index"]) : int(match["index"]) + 1]


def unquoted(text: str) -> str:
    """A string of FHIRPath without its escapes."""
    return re.sub(r"\\(.)", r"\1", text)


def texts(value: Any, names: list[str]) -> Iterator[str]:
    """What stands below, as it is compared."""
    if isinstance(value, list):
        for one in value:
            yield from texts(one, names)
    elif names:
        if isinstance(value, dict) and names[0] in value:
            yield from texts(value[names[0]], names[1:])
    elif value is True or value is False:
        yield "true" if value else "false"
    elif not isinstance(value, dict):
        yield str(value)


def below(place: Place, name: str) -> list[Place]:
    """The values of a name, a choice also by its bare name."""
    value = place.value
    if not isinstance(value, dict):
        return []
    if name not in value:
        name = next((key for key in value if key.startswith(name) and choice(place, key) == name), name)
    if name not in value:
        return []
    element = place.element(name)
    kind = element.definition if element is not None else ""
    held = value[name]
    return [Place(value, name, i, kind) for i in range(len(held))] if isinstance(held, list) else [Place(value, name, None, kind)]


def choice(place: Place, name: str) -> str:
    """The bare name of a choice's member: `deceased` of `deceasedBoolean`."""
    element = place.element(name)
    return element.choice.removesuffix("[x]") if element is not None else ""
