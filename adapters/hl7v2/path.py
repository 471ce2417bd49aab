"""Compiled paths: `OBX-3`, `PID-3[2].4.1`, `OBX[2]-5`. Reading one costs a few dictionary look-ups.

Seen from inside a group a path means: the group's own segment if its structure has one there; else the first one in the
nearest group around it whose structure has it, above or beside. So in OBSERVATION `OBX-5` is that OBX, `OBR-7` the order's,
`PID-3` the patient's, and an NTE that an OBSERVATION lacks is not borrowed from the order. What the structure does not have
is looked for as a stray, nearest first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from adapters.hl7v2.segment import NULL, Rep, Segment
from adapters.hl7v2.shape import Node
from adapters.hl7v2.structure import Group

NOTATION = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?-(\d+)(?:\[(\d+)\])?(?:\.(\d+)(?:\.(\d+))?)?")


LONGEST_KEY = 256  # characters of a field's text that results are remembered by
RECURRING = frozenset(("CE", "CWE", "CNE", "CF", "ID", "IS", "HD", "XCN", "XON", "PL", "ST", "MSG", "PT", "VID"))
COMMON = frozenset(("varies", "NM", "SN", "CQ", "DTM", "TS", "DT", "TM", "DR"))


class Place(NamedTuple):
    """A path taken apart; 0 where a part is not said. Segment and repetition count from 1."""

    segment: str
    nth: int
    field: int
    rep: int
    comp: int
    sub: int


class _Route(NamedTuple):
    """From a group to where a segment stands: so many levels up, then down through these groups."""

    ups: int
    way: tuple[str, ...]


@lru_cache(4096)
def _told(place: Place) -> tuple[Place, str]:
    """The place, one object for all paths that have it, and its name among the valued fields of a message; of a second repetition that
    fields repeat at all."""
    return place, f"{place.segment}-{place.field}" + ("~" if place.rep > 1 else "")


@lru_cache(1024)
def _ways(segment: str, first: bool) -> tuple[dict[Node, _Route | None], dict[Node, int]]:
    """Where paths to a segment found it from which group, and how many levels up it stands where it needs no way down: known by all paths
    to the first one of that segment together, or by all to others."""
    return {}, {}


class Hl7Path:
    """A compiled path. `first` and `all` give a Rep for a whole field and text for a component."""

    __slots__ = (
        "_comp",
        "_field",
        "_header",
        "_kind",
        "_rep",
        "_routes",
        "_segment",
        "_sub",
        "coded",
        "near",
        "outer",
        "place",
        "repeats",
        "stands",
        "text",
        "type",
    )

    def __init__(self, text: str, place: Place, type: str, repeats: bool, kind: str = "") -> None:
        self.text = text
        self.type = type  # of what the path gives
        self._kind = kind  # of the whole field
        self.repeats = repeats
        self.place, self.stands = _told(place)
        self.coded = kind in ("ID", "IS") and not (place.nth or place.rep or place.comp)  # Group.texts tells of it
        self._segment = self.place.segment
        self._field = place.field
        self._header = place.segment in ("MSH", "BHS", "FHS") and place.field <= 2
        self._comp, self._sub, self._rep = place.comp, place.sub, place.rep
        self.outer = False  # True when, where it was compiled, it reads what encloses the scope
        self._routes, self.near = _ways(place.segment, place.nth < 2)

    def first(self, scope: Group) -> Rep | str | None:
        """The first valued repetition in the first such segment."""
        if self._segment not in scope.message.names:
            return None
        near = self.near.get(scope.node, -1)
        segment: Segment | None = None
        if near >= 0:  # the usual case: this group's own, or a group's around it
            group: Any = scope
            while near:
                group = group.parent
                near -= 1
            found = group.segs.get(self._segment)
            segment = found[0] if found else self._stray(scope, 1)
        else:
            segment = self._first_segment(scope)
        if segment is None:
            return None
        fields = segment._fields or segment._split()
        field = self._field
        source = fields[field] if field < len(fields) else ""
        if not source:
            return None
        marks = segment._message.delimiters
        if marks.repetition in source and not self._header:
            source = self._pick(source.split(marks.repetition))
        elif self._rep > 1:
            return None
        if self._comp or self._kind == "varies" or source == NULL or not source:
            return self._value(source, segment)
        return Rep(source, segment._message, self._kind)

    def key(self, scope: Group) -> tuple[str | int, ...] | bool | None:
        """What `first` depends on, to be remembered by: None when the field is not valued, True when it is too long for that."""
        message = scope.message
        if self._segment not in message.names:
            return None
        near = self.near.get(scope.node, -1)
        if near < 0:
            return True if self._first_segment(scope) is not None else None
        group: Any = scope
        while near:
            group = group.parent
            near -= 1
        found = group.segs.get(self._segment)
        segment = found[0] if found else self._stray(scope, 1)
        if segment is None:
            return None
        fields = segment._fields or segment._split()
        field = self._field
        source = fields[field] if field < len(fields) else ""
        if not source:
            return None
        if len(source) > LONGEST_KEY:
            return True
        if self._kind == "varies":
            return source, message.context, _type_of_value(segment)
        return source, message.context

    @property
    def recurs(self) -> bool:
        """Whether its values come again in message after message (codes, units, places), as numbers and times do not."""
        return self._kind in RECURRING

    @property
    def again(self) -> bool:
        """Whether a value may well come again: all but identifiers, names and prose."""
        return self._kind in RECURRING or self._kind in COMMON

    @property
    def told(self) -> tuple[str, ...]:
        """The fields whose texts its values follow from (see `Hl7v2.depends`); none when it cannot tell."""
        return tuple(f"{self._segment}-{field}" for field in self.reads) if self.place.nth < 2 else ()

    @property
    def reads(self) -> tuple[int, ...]:
        """The fields of its segment that a value depends on."""
        return (2, self._field) if self._kind == "varies" else (self._field,)

    def standing(self, scope: Group) -> list[Segment]:
        """Every segment the path can mean, seen from a scope."""
        return self._segments(scope)

    def home(self, scope: Group) -> Group:
        """The group from which down it is read: this one, or one around it."""
        near = self.near.get(scope.node, -1)
        if near < 0:
            node = scope.node
            route = self._routes[node] if node in self._routes else self._route(node)
            near = route.ups if route is not None else 0
        if not near or self._segment in scope.message.strays:
            return scope
        group: Any = scope
        while near:
            group = group.parent
            near -= 1
        return group  # type: ignore[no-any-return]

    def seen_from(self, node: Node) -> Hl7Path:
        """The path, knowing whether it reads what encloses this group."""
        route = self._route(node)
        self.outer = route is not None and route.ups > 0
        return self

    def all(self, scope: Group) -> list[Rep | str]:
        """Every valued repetition, of every such segment there."""
        if self._segment not in scope.message.names:
            return []
        found = []
        for segment in self._segments(scope):
            for _, source in self._sources(segment):
                value = self._value(source, segment)
                if value is not None:
                    found.append(value)
        return found

    @property
    def typed_by(self) -> str:
        """The path of the value that names this one's type: OBX-2 for OBX-5."""
        return "OBX-2" if self.type == "varies" and self._segment == "OBX" else ""

    def null(self, scope: Group) -> bool:
        """True when the sender wrote `""` here: delete what is known."""
        if not scope.message.nulls:
            return False
        segment = self._first_segment(scope)
        if segment is None:
            return False
        if not self.place.comp:
            return segment.null(self._field, max(self.place.rep - 1, 0))
        for _, source in self._sources(segment):
            return self._part(source, segment) == NULL
        return False

    def where(self, scope: Group) -> tuple[str, int, int]:
        """(path with its real indexes, start byte, end byte) of what `first` gives; (text, 0, 0) when there is none."""
        segment = self._first_segment(scope)
        if segment is None or self.first(scope) is None:
            return self.text, 0, 0
        place = self.place
        rep = self._first_rep(segment) if segment.repeats(self._field) > 1 else None
        if segment.picked is not None:
            segment, field, picked = segment.picked
            rep = picked if field == self._field and segment.repeats(field) > 1 else rep
        start, end = segment.span(self._field, rep, place.comp or None, place.sub or None)
        repetition = f"[{rep + 1}]" if rep is not None else ""
        parts = "".join(f".{part}" for part in (place.comp, place.sub) if part)
        return f"{segment.name}[{segment.occurrence}]-{self._field}{repetition}{parts}", start, end

    # --- which segment ---

    def _first_segment(self, scope: Group) -> Segment | None:
        node = scope.node
        route = self._routes[node] if node in self._routes else self._route(node)
        nth = self.place.nth
        if route is not None:
            group = scope
            for _ in range(route.ups):
                group = group.parent  # type: ignore[assignment]  # the route was made from the structure
            if not route.way and nth < 2:
                found = group.segs.get(self._segment)
                if found:
                    return found[0]
            else:
                many = [segment for inner in group.below(route.way) for segment in inner.segments(self._segment)]
                if len(many) >= max(nth, 1):
                    return many[max(nth, 1) - 1]
        return self._stray(scope, max(nth, 1))

    def _segments(self, scope: Group) -> list[Segment]:
        if self.place.nth:
            one = self._first_segment(scope)
            return [one] if one else []
        node = scope.node
        route = self._routes[node] if node in self._routes else self._route(node)
        if route is not None:
            group = scope
            for _ in range(route.ups):
                group = group.parent  # type: ignore[assignment]
            found = [segment for inner in group.below(route.way) for segment in inner.segments(self._segment)]
            if found:
                return found
        one = self._stray(scope, 1)
        return self._strays_with(one, scope) if one else []

    def _route(self, node: Node) -> _Route | None:
        ups, walk = 0, node
        found: _Route | None = None
        while found is None:
            way = walk.way_to_segment(self._segment)
            if way is not None:
                found = _Route(ups, way)
            elif walk.parent is None:
                break
            else:
                ups, walk = ups + 1, walk.parent
        self._routes[node] = found
        if found and not found.way and self.place.nth < 2:
            self.near[node] = found.ups
        return found

    def _stray(self, scope: Group, nth: int) -> Segment | None:
        """A segment that stands where the structure has none: here, above, or below where the structure would have it."""
        if self._segment not in scope.message.strays:
            return None
        walk: Group | None = scope
        while walk is not None:
            found = walk.segs.get(self._segment)
            if found and len(found) >= nth:
                return found[nth - 1]
            walk = walk.parent
        route = self._routes.get(scope.node)
        top: Any = scope
        for _ in range(route.ups if route else 0):
            top = top.parent
        below = [segment for segment in top.everything() if segment.stray and segment.name == self._segment]
        return below[nth - 1] if len(below) >= nth else None

    def _strays_with(self, one: Segment, scope: Group) -> list[Segment]:
        walk: Group | None = scope
        while walk is not None:
            own = walk.segs.get(self._segment)
            if own and one in own:
                return own
            walk = walk.parent
        return [one]

    # --- which value ---

    def _sources(self, segment: Segment) -> list[tuple[int, str]]:
        source = segment._field(self._field)
        if self._header:
            return [(0, source)] if source else []
        parts = list(enumerate(source.split(segment._message.delimiters.repetition)))
        if self.place.rep:
            parts = parts[self.place.rep - 1 : self.place.rep]
        return [(index, part) for index, part in parts if part]

    def _first_rep(self, segment: Segment) -> int:
        return next((index for index, part in self._sources(segment) if part != NULL), 0)

    def _pick(self, parts: list[str]) -> str:
        rep = self.place.rep
        if rep:
            return parts[rep - 1] if rep <= len(parts) else ""
        return next((part for part in parts if part and part != NULL), "")

    def _part(self, source: str, segment: Segment) -> str:
        marks = segment._message.delimiters
        comps = source.split(marks.component)
        comp = comps[self.place.comp - 1] if self.place.comp <= len(comps) else ""
        if not self.place.sub:
            return comp
        subs = comp.split(marks.subcomponent)
        return subs[self.place.sub - 1] if self.place.sub <= len(subs) else ""

    def _value(self, source: str, segment: Segment) -> Rep | str | None:
        if not source or source == NULL:
            return None
        message = segment._message
        kind = self._kind
        if kind == "varies":
            kind = _type_of_value(segment)
        rep = Rep(source, message, kind)
        if not self._comp or self._header:
            return rep
        return (rep.sub(self._comp, self._sub) if self._sub else rep[self._comp]) or None


def _type_of_value(segment: Segment) -> str:
    """OBX-5 has the type that OBX-2 names."""
    fields = segment.fields
    return fields[2] if segment.name == "OBX" and len(fields) > 2 else ""
