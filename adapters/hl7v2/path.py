"""Compiled paths: `OBX-3`, `PID-3[2].4.1`, `OBX[2]-5`. Reading one costs a few dictionary look-ups.

Which segment one means, seen from inside a group, is found by `sought.py`: in OBSERVATION `OBX-5` is that OBX, `OBR-7` the order's,
`PID-3` the patient's, and an NTE that an OBSERVATION lacks is not borrowed from the order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from adapters.hl7v2.segment import NULL, Rep, Segment
from adapters.hl7v2.shape import Node
from adapters.hl7v2.sought import sought
from adapters.hl7v2.structure import Group

NOTATION = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?-(\d+)(?:\[(\d+)\])?(?:\.(\d+)(?:\.(\d+))?)?")


LONGEST_KEY = 256  # characters of a field's text that results are remembered by
RECURRING = frozenset(("CE", "CWE", "CNE", "CF", "ID", "IS", "HD", "XCN", "XON", "PL", "ST", "MSG", "PT", "VID"))
TIMES = frozenset(("DTM", "TS", "DT", "TM"))
COMMON = frozenset(("varies", "NM", "SN", "CQ", "DTM", "TS", "DT", "TM", "DR"))


class Place(NamedTuple):
    """A path taken apart; 0 where a part is not said. Segment and repetition count from 1."""

    segment: str
    nth: int
    field: int
    rep: int
    comp: int
    sub: int


@lru_cache(4096)
def _told(place: Place) -> tuple[Place, str]:
    """The place, one object for all paths that have it, and its name among the valued fields of a message; of a second repetition that
    fields repeat at all."""
    return place, f"{place.segment}-{place.field}" + ("~" if place.rep > 1 else "")


class Hl7Path:
    """A compiled path. `first` and `all` give a Rep for a whole field and text for a component."""

    __slots__ = (
        "_comp",
        "_field",
        "_header",
        "_kind",
        "_rep",
        "_segment",
        "_sought",
        "_sub",
        "_timed",
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
        self._timed = place.comp > 0 and type in TIMES
        self.outer = False  # True when, where it was compiled, it reads what encloses the scope
        self._sought = sought(place.segment, place.nth)
        self.near = self._sought.near

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
            segment = found[0] if found else self._sought.stray(scope, 1)
        else:
            segment = self._sought.first(scope)
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
            return True if self._sought.first(scope) is not None else None
        group: Any = scope
        while near:
            group = group.parent
            near -= 1
        found = group.segs.get(self._segment)
        segment = found[0] if found else self._sought.stray(scope, 1)
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
        return self._sought.all(scope)

    def home(self, scope: Group) -> Group:
        """The group from which down it is read: this one, or one around it."""
        near = self.near.get(scope.node, -1)
        if near < 0:
            node, routes = scope.node, self._sought.routes
            route = routes[node] if node in routes else self._sought.route(node)
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
        route = self._sought.route(node)
        self.outer = route is not None and route.ups > 0
        return self

    def all(self, scope: Group) -> list[Rep | str]:
        """Every valued repetition, of every such segment there."""
        if self._segment not in scope.message.names:
            return []
        found = []
        for segment in self._sought.all(scope):
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
        segment = self._sought.first(scope)
        if segment is None:
            return False
        if not self.place.comp:
            return segment.null(self._field, max(self.place.rep - 1, 0))
        for _, source in self._sources(segment):
            return self._part(source, segment) == NULL
        return False

    def where(self, scope: Group) -> tuple[str, int, int]:
        """(path with its real indexes, start byte, end byte) of what `first` gives; (text, 0, 0) when there is none."""
        segment = self._sought.first(scope)
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
        text = rep.sub(self._comp, self._sub) if self._sub else rep[self._comp]
        if self._timed and text:
            return Rep(text, message, self.type)  # which knows the zone of its message
        return text or None


def _type_of_value(segment: Segment) -> str:
    """OBX-5 has the type that OBX-2 names."""
    fields = segment.fields
    return fields[2] if segment.name == "OBX" and len(fields) > 2 else ""
