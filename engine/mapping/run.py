"""One message's run through a mapping: what it gathers, and how instances and references are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from engine.diagnostic import Span
from engine.fault import Fault
from engine.types import Path, Scope

NONE: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a value came from: the element it stands in, the rule that wrote it, the path and bytes it was read from."""

    target: str  # Observation[2].valueQuantity.value
    value: Any
    rule: Span
    path: str = ""  # OBX[2]-5; empty for a text of the mapping itself
    start: int = 0
    end: int = 0


class Run:
    """What one message's run gathers. Not shared, not kept."""

    __slots__ = ("faults", "instances", "lineage", "made", "memo", "names", "nears", "places", "texts", "warnings")

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.instances: dict[tuple[int, str], Sequence[Scope]] = {}
        # name -> id(scope) -> (type, id) of what is in it, with the name of the part of the scope it is in ("" for its own)
        self.made: dict[str, dict[int, dict[tuple[str, str], str]]] = {}
        self.nears: dict[tuple[str, int, str], tuple[tuple[str, str], ...]] = {}  # what `near` answered
        self.memo: dict[tuple[object, int], Any] = {}  # what rules found in an enclosing scope
        self.texts: dict[tuple[str, int], str | None] = {}  # what tests have read
        self.lineage: list[Lineage] = []
        self.names: list[str] = []  # only when traced: the way to the element being written
        self.places: list[int] = []

    def each(self, scope: Scope, group: str) -> Sequence[Scope]:
        """The instances of a group below a scope; the same objects whenever asked, so that references can be told by identity."""
        key = (id(scope), group)
        found = self.instances.get(key)
        if found is None:
            found = self.instances[key] = scope.each(group)
        return found

    def enter(self, name: str, scope: Scope, type: str, id_: str) -> None:
        """Makes an instance known to references, from its own scope outwards."""
        index = self.made.setdefault(name, {})
        made, place, part = (type, id_), cast(Any, scope), ""
        while place is not None:
            inside = index.get(id(place))
            if inside is None:
                index[id(place)] = {made: part}
            else:
                inside[made] = part
            part, place = place.name, place.parent

    def near(self, name: str, scope: Scope) -> Sequence[tuple[str, str]]:
        """The (type, id) of the instances of a name in the nearest scope that holds any.

        What is in a sibling of the same name is another's: an order without a requester does not find the next order's.
        """
        index = self.made.get(name)
        if index is None:
            return NONE
        own = index.get(id(scope))
        if own is not None:
            return tuple(own)
        around = scope.parent
        if around is None:
            return NONE
        key = (name, id(around), scope.name)
        found = self.nears.get(key)
        if found is None:
            found = self.nears[key] = _around(index, around, scope.name)
        return found

    def fail(self, fault: Fault, path: Path, scope: Scope) -> None:
        """Notes a refusal at the place it was read from."""
        self.faults.append(fault if fault.at else replace(fault, at=path.where(scope)[0]))

    def warn(self, fault: Fault, path: Path, scope: Scope) -> None:
        """Notes what was left out."""
        self.warnings.append(fault if fault.at else replace(fault, at=path.where(scope)[0]))

    def target(self) -> str:
        """The element being written, as `Observation[2].category[1].text`."""
        parts = (f"{name}[{place}]" if place else name for name, place in zip(self.names, self.places, strict=True))
        return ".".join(parts)


def _around(index: dict[int, dict[tuple[str, str], str]], place: Scope | None, part: str) -> tuple[tuple[str, str], ...]:
    """The instances in the nearest of these scopes that holds any outside the parts of that name."""
    while place is not None:
        found = tuple(made for made, inside in index.get(id(place), {}).items() if inside != part)
        if found:
            return found
        part, place = place.name, place.parent
    return NONE
