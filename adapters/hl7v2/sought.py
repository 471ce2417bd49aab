"""Where a segment stands, seen from inside a group: the group's own if its structure has one there; else the nearest group around it whose
structure has it, above or beside; else, what the structure does not have, as a stray, nearest first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from adapters.hl7v2.segment import Segment
from adapters.hl7v2.shape import Node, Route
from adapters.hl7v2.structure import Group


@lru_cache(1024)
def sought(segment: str, nth: int) -> Sought:
    """One object for all paths to the nth segment of a name."""
    return Sought(segment, nth)


class Sought:
    """A segment that paths ask for, by its name and number from 1, 0 for any; it remembers where it was found from which group."""

    __slots__ = ("near", "nth", "routes", "segment")

    def __init__(self, segment: str, nth: int) -> None:
        self.segment = segment
        self.nth = nth
        self.routes: dict[Node, Route | None] = {}
        self.near: dict[Node, int] = {}  # how many levels up the first one stands, where it needs no way down

    def first(self, scope: Group) -> Segment | None:
        """The segment meant by a path that gives one value."""
        node = scope.node
        route = self.routes[node] if node in self.routes else self.route(node)
        nth = self.nth
        if route is not None:
            group = scope
            for _ in range(route.ups):
                group = group.parent  # type: ignore[assignment]  # the route was made from the structure
            if not route.way and nth < 2:
                found = group.segs.get(self.segment)
                if found:
                    return found[0]
            else:
                many = [segment for inner in group.below(route.way) for segment in inner.segments(self.segment)]
                if len(many) >= max(nth, 1):
                    return many[max(nth, 1) - 1]
        return self.stray(scope, max(nth, 1))

    def all(self, scope: Group) -> list[Segment]:
        """Every segment a path can mean."""
        if self.nth:
            one = self.first(scope)
            return [one] if one else []
        node = scope.node
        route = self.routes[node] if node in self.routes else self.route(node)
        if route is not None:
            group = scope
            for _ in range(route.ups):
                group = group.parent  # type: ignore[assignment]
            found = [segment for inner in group.below(route.way) for segment in inner.segments(self.segment)]
            if found:
                return found
        one = self.stray(scope, 1)
        return self._strays_with(one, scope) if one else []

    def route(self, node: Node) -> Route | None:
        """The way from a group, by the structure; kept in `routes` and `near`."""
        found = self.routes[node] = node.route(self.segment)
        if found and not found.way and self.nth < 2:
            self.near[node] = found.ups
        return found

    def stray(self, scope: Group, nth: int) -> Segment | None:
        """A segment that stands where the structure has none: here, above, or below where the structure would have it."""
        if self.segment not in scope.message.strays:
            return None
        walk: Group | None = scope
        while walk is not None:
            found = walk.segs.get(self.segment)
            if found and len(found) >= nth:
                return found[nth - 1]
            walk = walk.parent
        route = self.routes.get(scope.node)
        top: Any = scope
        for _ in range(route.ups if route else 0):
            top = top.parent
        below = [segment for segment in top.everything() if segment.stray and segment.name == self.segment]
        return below[nth - 1] if len(below) >= nth else None

    def _strays_with(self, one: Segment, scope: Group) -> list[Segment]:
        walk: Group | None = scope
        while walk is not None:
            own = walk.segs.get(self.segment)
            if own and one in own:
                return own
            walk = walk.parent
        return [one]
