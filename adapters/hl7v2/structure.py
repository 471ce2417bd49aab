"""Puts the segments of a message into the groups of its structure, tolerantly: every segment has its place, none is dropped.

A segment the structure does not know (Z-segments) or does not expect stays where it stands, in the group that is open
there, marked as a stray.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.escape import Delimiters
from adapters.hl7v2.events import PAIRED
from adapters.hl7v2.header import Header
from adapters.hl7v2.segment import Segment
from adapters.hl7v2.shape import Node, structure, structure_name
from adapters.hl7v2.valued import names_of, shape_of, texts_of
from engine.fault import Fault, Kind

LONG = 256  # characters of header fields that an answer is kept for
_MODERN = ("2.7", "2.8", "2.9")


class Group:
    """An instance of a group, or the whole message: its own segments by name, and the groups below it."""

    __slots__ = ("_groups", "_views", "message", "node", "order", "parent", "segs")

    def __init__(self, node: Node, parent: Group | None, message: Er7) -> None:
        self.node = node
        self.parent = parent
        self.message = message
        self.segs: dict[str, list[Segment]] = {}
        self.order: list[Segment | Group] = []  # what stands here, in the order it came
        self._groups: dict[str, list[Group]] | None = None
        self._views: dict[str, Group] | None = None

    @property
    def name(self) -> str:
        """The group's short name in the standard; '' for the message."""
        return self.node.name

    @property
    def valued(self) -> set[str]:
        """See `valued.names_of`."""
        return names_of(self.message)

    def texts(self, names: Iterable[str]) -> set[str]:
        """See `valued.texts_of`."""
        return texts_of(self.message, names)

    def shape(self, names: tuple[str, ...]) -> Hashable:
        """See `valued.shape_of`."""
        return shape_of(self.message, names)

    @property
    def warnings(self) -> list[Fault]:
        """What was odd in the message."""
        return self.message.warnings

    def each(self, name: str) -> list[Group]:
        """The instances below this one, in order, of a group, of a segment (`NTE`) or of the repetitions of a field (`PID-3`)."""
        ways = self.node.ways_to(name)
        if len(ways) == 1:
            return self.below(ways[0])
        if ways:
            return list(self._walk(name))
        segment, _, field = name.partition("-")
        if segment not in self.message.names:
            return []
        if not field:
            return [group._inside(one, 0, 0) for group, one in self.holders(segment)]
        pairs = ((group, one, rep) for group, one in self.holders(segment) for rep in range(one.repeats(int(field))))
        return [group._inside(one, int(field), rep) for group, one, rep in pairs]

    def holders(self, segment: str) -> list[tuple[Group, Segment]]:
        """Every such segment with its group: this group's own where its structure has it, else those below, else the
        nearest above.
        """
        if segment in self.segs:
            return [(self, one) for one in self.segs[segment]]
        if self.node.has(segment):
            return []
        found = [(group, one) for group, one in self._named(segment) if group._within(self)]
        route = self.node.route(segment)
        if found or self.parent is None or (route is not None and route.ups == 0):
            return found
        return self.parent.holders(segment)

    def _named(self, segment: str) -> list[tuple[Group, Segment]]:
        """Every segment of a name in the whole message, with its group."""
        return self.message.named.get(segment) or []

    def _within(self, outer: Group) -> bool:
        walk: Group | None = self
        while walk is not None and walk is not outer:
            walk = walk.parent
        return walk is outer

    def below(self, way: tuple[str, ...]) -> list[Group]:
        """The groups at the end of a chain of group names."""
        here = [self]
        for name in way:
            here = [child for group in here for child in group._children(name)]
        return here

    def segments(self, name: str) -> list[Segment]:
        """This group's own segments of that name."""
        return self.segs.get(name) or []

    def segment(self, name: str, n: int = 0) -> Segment | None:
        """This group's n-th segment of that name, else the nearest enclosing group's."""
        walk: Group | None = self
        while walk is not None:
            found = walk.segs.get(name)
            if found and n < len(found):
                return found[n]
            walk = walk.parent
        return None

    def everything(self) -> Iterator[Segment]:
        """Every segment here and below, in order."""
        for item in self.order:
            if isinstance(item, Group):
                yield from item.everything()
            else:
                yield item

    def _children(self, name: str) -> list[Group]:
        if self._groups is None:
            self._groups = {}
            for item in self.order:
                if type(item) is Group:
                    self._groups.setdefault(item.node.name, []).append(item)
        return self._groups.get(name) or []

    def _inside(self, segment: Segment, field: int, rep: int) -> Group:
        """The view from inside one segment or repetition; the same object whenever asked."""
        name = f"{segment.name}-{field}" if field else segment.name
        key = f"{name} {rep} {segment.index}"
        known = self._views.get(key) if self._views else None
        if known is None:
            known = Group(self.node.inside(name), self, self.message)
            seen = segment.pick(field, rep) if field else segment
            known.segs[segment.name] = [seen]
            known.order.append(seen)
            if self._views is None:
                self._views = {}
            self._views[key] = known
        return known

    def release(self) -> None:
        """Lets go of all that is below: a message that nobody reads any more is then freed at once, without the collector."""
        for item in self.order:
            if type(item) is Group:
                item.release()
        self.order, self._groups, self._views = [], None, None
        if self.parent is None:
            self.message.segments, self.message.named = [], {}

    def _walk(self, group: str) -> Iterator[Group]:
        for item in self.order:
            if isinstance(item, Group):
                if item.name == group:
                    yield item
                yield from item._walk(group)

    def __repr__(self) -> str:
        return f"<Group {self.name or 'message'}>"


def structure_of(message: Er7) -> tuple[str, Node]:
    """(name, tree) of the structure a message has by MSH-9 and MSH-12; the name is '' when there is none. An ADT without an
    event (v2.1, v2.2) has that of EVN-1 where two patients may stand in it.
    """
    header = message.header
    type, version = header.raw(9), header.raw(12)
    if type.startswith("ADT") and header.value(9) == "ADT" and not header.value(9, 2) and not header.value(9, 3):
        event = next((one.value(1) for one in message.segments if one.name == "EVN"), "")
        type = f"ADT{header.marks.component}{event}" if event in PAIRED else type
    return (_structure if len(type) + len(version) < LONG else _structure.__wrapped__)(header.marks, type, version)


@lru_cache(1024)
def _structure(marks: Delimiters, type: str, version: str) -> tuple[str, Node]:
    header = Header(0, marks, ("MSH", "", "", "", "", "", "", "", "", type, "", "", version))
    name = structure_name(header.value(9, 1), header.value(9, 2), header.value(9, 3))
    return name, structure(name, header.value(12).startswith(_MODERN))


def root(message: Er7) -> Group:
    """The message as a tree of groups."""
    name, node = structure_of(message)
    if not name:
        message.warnings.append(Fault(Kind.INCORRECT, "E121", "no message structure is known for this type", "MSH-9"))
    top = grow(message, node)
    if name:
        message.warnings += [_unexpected(key) for key in sorted(message.strays) if not key.startswith("Z")]
    return top


def grow(message: Er7, node: Node) -> Group:
    """The message as a tree of groups of the structure whose root is `node`."""
    group = top = Group(node, None, message)
    at = -1
    names, named = message.names, message.named
    for segment in message.segments:
        key = segment.name
        node = group.node
        move = node.moves.get((at, key)) or node.move(at, key)
        if move.again is not None and key in _up(group, move.ups).segs:
            move = move.again
        ups, opens, at, stray, _ = move
        while ups:
            group = group.parent  # type: ignore[assignment]  # a move never leaves the message
            ups -= 1
        for opened in opens:
            inner = Group(opened, group, message)
            group.order.append(inner)
            group = inner
            names.add(opened.name)
        if stray:
            segment.stray = True
            message.strays.add(key)
        if key in group.segs:
            group.segs[key].append(segment)
        else:
            group.segs[key] = [segment]
        if key in named:
            named[key].append((group, segment))
        else:
            named[key] = [(group, segment)]
        group.order.append(segment)
    names.update(named)
    return top


def _up(group: Any, ups: int) -> Group:
    for _ in range(ups):
        group = group.parent
    return group  # type: ignore[no-any-return]


def _unexpected(name: str) -> Fault:
    return Fault(Kind.INCORRECT, "E122", f"the structure does not expect {name} where it stands", name)
