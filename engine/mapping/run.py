"""One message's run through a mapping: what it gathers, and how instances and references are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, cast

from engine.diagnostic import Span
from engine.fault import Fault
from engine.types import Path, Scope

Instance = tuple[str, str]  # type, id


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
    """What one message's run gathers. Not shared, not kept. Every instance is entered before the first reference is looked up."""

    __slots__ = ("faults", "indexes", "instances", "lineage", "made", "memo", "names", "nears", "places", "texts", "warnings")

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.instances: dict[tuple[int, str], Sequence[Scope]] = {}
        self.made: dict[str, list[tuple[Scope, Instance]]] = {}  # by the name of the rule
        # name -> id(scope) -> what is in it, with the name of the part of the scope it is in ("" for its own)
        self.indexes: dict[str, dict[int, dict[Instance, str]]] = {}
        self.nears: dict[tuple[str, int, str], tuple[Instance, ...]] = {}  # what `around` answered
        self.memo: dict[tuple[object, int], Any] = {}  # what rules found in an enclosing scope
        self.texts: dict[tuple[str, int], str | None] = {}  # what tests have read
        self.lineage: list[Lineage] = []
        self.names: list[str] = []  # only when traced: the way to the element being written
        self.places: list[int] = []

    @property
    def noted(self) -> int:
        """How much was said so far."""
        return len(self.faults) + len(self.warnings)

    def each(self, scope: Scope, group: str) -> Sequence[Scope]:
        """The instances of a group below a scope; the same objects whenever asked, so that references can be told by identity."""
        key = (id(scope), group)
        found = self.instances.get(key)
        if found is None:
            found = self.instances[key] = scope.each(group)
        return found

    def enter(self, name: str, scope: Scope, type: str, id_: str) -> None:
        """Makes an instance known to references."""
        self.entered(name).append((scope, (type, id_)))

    def entered(self, name: str) -> list[tuple[Scope, Instance]]:
        """The instances of a name, each with its scope, to be added to."""
        found = self.made.get(name)
        if found is None:
            found = self.made[name] = []
        return found

    def within(self, name: str) -> dict[int, dict[Instance, str]]:
        """The instances of a name by the scopes they are in, each from its own scope outwards."""
        index = self.indexes.get(name)
        if index is None:
            index = self.indexes[name] = _indexed(self.made.get(name, ()))
        return index

    def near(self, name: str, scope: Scope) -> Sequence[Instance]:
        """The (type, id) of the instances of a name in the nearest scope that holds any."""
        own = self.within(name).get(id(scope))
        return tuple(own) if own is not None else self.around(name, scope)

    def around(self, name: str, scope: Scope) -> tuple[Instance, ...]:
        """The same when the scope itself holds none: what it finds is what all scopes of its name find that stand beside it.

        What is in a sibling of the same name is another's: an order without a requester does not find the next order's.
        """
        around = scope.parent
        if around is None:
            return ()
        key = (name, id(around), scope.name)
        found = self.nears.get(key)
        if found is None:
            found = self.nears[key] = _around(self.within(name), around, scope.name)
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


def _indexed(made: Sequence[tuple[Scope, Instance]]) -> dict[int, dict[Instance, str]]:
    index: dict[int, dict[Instance, str]] = {}
    for (_, part), beside in groupby(made, _standing):  # those that stand side by side go the same way out
        some = list(beside)
        for scope, instance in some:
            _put(index, id(scope), {instance: ""})
        place, inside = cast(Any, some[0][0]).parent, [instance for _, instance in some]
        while place is not None:
            _put(index, id(place), dict.fromkeys(inside, part))
            part, place = place.name, place.parent  # noqa: PLW2901
    return index


def _put(index: dict[int, dict[Instance, str]], place: int, inside: dict[Instance, str]) -> None:
    if place in index:
        index[place].update(inside)
    else:
        index[place] = inside


def _standing(made: tuple[Scope, Instance]) -> tuple[int, str]:
    return id(made[0].parent), made[0].name


def _around(index: dict[int, dict[Instance, str]], place: Scope | None, part: str) -> tuple[Instance, ...]:
    """The instances in the nearest of these scopes that holds any outside the parts of that name."""
    while place is not None:
        found = tuple(made for made, inside in index.get(id(place), {}).items() if inside != part)
        if found:
            return found
        part, place = place.name, place.parent
    return ()
