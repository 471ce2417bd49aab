"""Where a path of a FHIR document is read from: the document, a resource in it, or one value of a repeating element."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import Any

from fhir.path_names import Name, names_of
from fhir.reading import every


class Node:
    """A value in its place. `each` gives the same objects again, so that references between what is made from them hold."""

    __slots__ = ("__weakref__", "_each", "_number", "name", "parent", "shelf", "value")

    def __init__(self, value: Any, parent: Node | None, name: str, number: int, shelf: dict[str, Any]) -> None:
        self.value = value
        self.parent = parent
        self.name = name
        self._number = number  # among those of its name, from 0
        self.shelf = shelf  # every resource of the document by its references
        self._each: dict[str, list[Node]] = {}

    @property
    def place(self) -> str:
        """Where it stands in its document; asked for where something is wrong."""
        if self.parent is None:
            return ""
        return next(islice((place for place, _ in self.parent.walk(names_of(self.name) or ())), self._number, None), self.name)

    @property
    def valued(self) -> frozenset[str]:
        """The elements that stand in any resource of the document, as `Observation.code`."""
        held = (self.value, *self.shelf.values())
        return frozenset(f"{one.get('resourceType')}.{name}" for one in held if isinstance(one, dict) for name in one)

    def shape(self, _: Sequence[str]) -> Hashable:
        """What the valued elements follow from, quick to tell."""
        held = (self.value, *self.shelf.values())
        return frozenset([(one.get("resourceType"), *one) for one in held if isinstance(one, dict)])

    def each(self, group: str) -> list[Node]:
        """The values at the end of a path from here."""
        found = self._each.get(group)
        if found is None:
            values: list[Any] = []
            every(names_of(group) or ())(self.value, self.shelf, values)
            found = self._each[group] = [Node(value, self, group, number, self.shelf) for number, value in enumerate(values)]
        return found

    def release(self) -> None:
        """Lets go of what was found from here, whose scopes point back: what they read is dropped at once, not by the collector."""
        found, self._each = self._each, {}
        for several in found.values():
            for one in several:
                if one._each:
                    one.release()

    def walk(self, names: Sequence[Name]) -> Iterator[tuple[str, Any]]:
        """The places and values at the end of the names, lists opened."""
        return _walk(self.value, names, self.place, self.shelf)


def _walk(value: Any, names: Sequence[Name], place: str, shelf: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if not names:
        if value is not None and value != "":
            yield place, value
        return
    name, rest = names[0], names[1:]
    for where, one in _step(value, name, place, shelf):
        yield from _walk(one, rest, where, shelf)


def _step(value: Any, name: Name, place: str, shelf: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        return
    if name.text == "resolve":
        reference = value.get("reference")
        found = shelf.get(reference) if isinstance(reference, str) else None
        if found is not None:
            yield f"{found['resourceType']}/{found.get('id', '')}", found
        return
    if name.text[:1].isupper():
        if value.get("resourceType") == name.text:
            yield place, value
        return
    inner = value.get(name.text)
    where = f"{place}.{name.text}" if place else name.text
    if isinstance(inner, list):
        items = [(f"{where}[{number}]", one) for number, one in enumerate(inner, 1)]
        if name.by:
            items = [one for one in items if isinstance(one[1], dict) and str(one[1].get(name.by, "")) == name.value]
        yield from items[name.nth - 1 : name.nth] if name.nth else items
    elif inner is not None:
        yield where, inner
