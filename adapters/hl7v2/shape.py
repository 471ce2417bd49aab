"""Message structures as trees of nodes, built when first needed from tables/structures.txt, and where each next segment may
stand.

A node is a group (or the whole message); its `slots` are segments and child nodes in order. `Node.move` answers: having
just read the slot `at` of this node, where does a segment of that name go? The answer is remembered, so a message costs one
lookup a segment.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from adapters.hl7v2.events import EVENTS, PAIRED, USUAL, canonical

_TOKEN = re.compile(r"([A-Z0-9_]+)(@2\.7)?([?*+]?)(\()?|(\))")


class Slot(NamedTuple):
    """A segment or a child group at its place in a group."""

    name: str
    required: bool
    repeats: bool
    node: Node | None  # None for a segment


class Move(NamedTuple):
    """Leave `ups` groups, open `opens` one inside the other, and stand at slot `at` of the last; a stray fits nowhere.

    `again` replaces the move when the group already holds such a segment: it is then the next order, not more of this one.
    Where the group lacks it, it stands behind what came too early.
    """

    ups: int
    opens: tuple[Node, ...]
    at: int
    stray: bool = False
    again: Move | None = None


class Route(NamedTuple):
    """From a group to where a segment stands: so many levels up, then down through these groups."""

    ups: int
    way: tuple[str, ...]


class Node:
    """A group of a structure. `name` is the standard's short name, '' for the message."""

    __slots__ = ("_inner", "_own", "_place", "_routes", "_ways", "late", "moves", "name", "parent", "repeats", "slots")

    def __init__(self, name: str, parent: Node | None, repeats: bool) -> None:
        self.name = name
        self.parent = parent
        self.repeats = repeats
        self.slots: list[Slot] = []
        self.late = False  # only messages of v2.7 and later have it
        self._inner: dict[str, Node] = {}
        self._own: frozenset[str] | None = None
        self._place = len(parent.slots) if parent else 0
        self.moves: dict[tuple[int, str], Move] = {}
        self._ways: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._routes: dict[str, Route | None] = {}

    def has(self, segment: str) -> bool:
        """True when the segment stands directly in this group."""
        if self._own is None:  # asked only when the structure is complete
            self._own = frozenset(slot.name for slot in self.slots if slot.node is None)
        return segment in self._own

    def ways_to(self, group: str) -> tuple[tuple[str, ...], ...]:
        """Every chain of group names that leads from here down to a group of that name."""
        found = self._ways.get(group)
        if found is None:
            found = self._ways[group] = tuple(
                way for slot in self.slots if slot.node for way in ((slot.name, *rest) for rest in slot.node._ends(group))
            )
        return found

    def way_to_segment(self, segment: str) -> tuple[str, ...] | None:
        """The chain of group names down to the first group that has the segment, one known to all versions if there is one."""
        if self.has(segment):
            return ()
        ways = self._ways_to_segment(segment)
        usual = [way for late, way in ways if not late] or [way for _, way in ways]
        return usual[0] if usual else None

    def route(self, segment: str) -> Route | None:
        """Where a segment is sought from here: this group's own; else the nearest around it, or beside those, of which there is one; else the
        nearest of several, below or beside: what an order encloses is no prior order's, told in a group of its own.
        """
        if segment not in self._routes:
            self._routes[segment] = self._routed(segment)
        return self._routes[segment]

    def _routed(self, segment: str) -> Route | None:
        nearest: Route | None = None
        ups, walk = 0, self
        while True:
            if (sure := walk._sole_way(segment)) is not None:
                return Route(ups, sure)
            way = walk.way_to_segment(segment)
            if way is not None and (nearest is None or ups + len(way) < nearest.ups + len(nearest.way)):
                nearest = Route(ups, way)
            if walk.parent is None:
                return nearest
            ups, walk = ups + 1, walk.parent

    def _sole_way(self, segment: str) -> tuple[str, ...] | None:
        """The way down through groups that do not repeat and that all versions know."""
        if self.has(segment):
            return ()
        below = (slot.node for slot in self.slots if slot.node and not slot.repeats and not slot.node.late)
        return next(((node.name, *way) for node in below if (way := node._sole_way(segment)) is not None), None)

    def inside(self, name: str) -> Node:
        """What is seen from inside one segment of this group (`NTE`), or one repetition of a field (`PID-3`)."""
        found = self._inner.get(name)
        if found is None:
            found = self._inner[name] = Node(name, self, False)
            found.slots.append(Slot(name[:3], True, False, None))
        return found

    def _ways_to_segment(self, segment: str) -> list[tuple[bool, tuple[str, ...]]]:
        found: list[tuple[bool, tuple[str, ...]]] = [(self.late, ())] if self.has(segment) else []
        for slot in self.slots:
            for late, way in slot.node._ways_to_segment(segment) if slot.node else ():
                found.append((late or self.late, (slot.name, *way)))
        return found

    def move(self, at: int, segment: str) -> Move:
        """Where a segment goes that follows slot `at` of this node."""
        found = self.moves.get((at, segment))
        if found is None:
            found = self.moves[(at, segment)] = (
                _strict(self, at, segment) or _late(self, at, segment) or _lenient(self, at, segment)
            )
        return found

    def _ends(self, group: str) -> list[tuple[str, ...]]:
        here: list[tuple[str, ...]] = [()] if self.name == group else []
        return here + list(self.ways_to(group))


def _strict(node: Node, at: int, segment: str) -> Move | None:
    """The same slot again, a later one, or a new instance of a group that may begin with it; then the same one level up."""
    ups, walk = 0, node
    while True:
        slot = walk.slots[at] if walk.slots and at >= 0 else None
        if slot and slot.name == segment and slot.node is None and slot.repeats and ups == 0:
            return Move(0, (), at)
        for place in range(at + 1, len(walk.slots)):
            found = _begins(walk.slots[place], segment)
            if found is not None:
                return _landing(ups, found, place, segment)
        if walk.repeats and walk.parent is not None:
            again = _begins(Slot(walk.name, False, True, walk), segment)
            if again is not None:
                return _lacked(ups, walk, at, segment, _landing(ups + 1, again, walk._place, segment))
        if walk.parent is None:
            return None
        at, walk, ups = walk._place, walk.parent, ups + 1


def _lacked(ups: int, group: Node, at: int, segment: str, begins: Move) -> Move:
    """What would begin the group anew, unless the group still lacks it: a note that came between ORC and OBR parts no order."""
    slot = next((one for one in group.slots if one.node is None and one.name == segment), None)
    if ups or slot is None or not slot.required or slot.repeats:
        return begins
    return Move(0, (), at, again=begins)


def _begins(slot: Slot, segment: str) -> tuple[Node, ...] | None:
    """The groups to open when the segment can begin this slot, else None. A group begins with what stands up to its first
    required part.
    """
    if slot.node is None:
        return () if slot.name == segment else None
    for inner in slot.node.slots:
        found = _begins(inner, segment)
        if found is not None:
            return (slot.node, *found)
        if inner.required:
            return None
    return None


def _landing(ups: int, opens: tuple[Node, ...], place: int, segment: str) -> Move:
    return Move(ups, opens, _slot_of(opens[-1], segment) if opens else place)


def _slot_of(node: Node, segment: str) -> int:
    return next(place for place, slot in enumerate(node.slots) if slot.node is None and slot.name == segment)


def _late(node: Node, at: int, segment: str) -> Move | None:
    """The nearest open group that has the segment at all, though earlier."""
    ups, walk = 0, node
    while not walk.has(segment):
        if walk.parent is None:
            return None
        at, ups, walk = walk._place, ups + 1, walk.parent
    return Move(ups, (), at, again=_again(ups, walk, segment))


def _again(ups: int, group: Node, segment: str) -> Move | None:
    """A new instance of the group, or of the one around it, for the segment it is all about (RXA without ORC, a second OBR)."""
    place = _slot_of(group, segment)
    slot = group.slots[place]
    if slot.repeats or not (slot.required or place == 0):
        return None
    if group.repeats:
        return Move(ups + 1, (group,), place)
    if group.parent is not None and group.parent.repeats:
        return Move(ups + 2, (group.parent, group), place)
    return None


def _lenient(node: Node, at: int, segment: str) -> Move:
    """A later group that has it, though what should begin the group is missing; else it is a stray and stays where it stands."""
    ups, walk, place = 0, node, at
    while True:
        for slot in walk.slots[place + 1 :]:
            opens = _down(slot.node, segment) if slot.node else None
            if opens is not None:
                return Move(ups, opens, _slot_of(opens[-1], segment))
        if walk.parent is None:
            return Move(0, (), at, stray=True)
        place, walk, ups = walk._place, walk.parent, ups + 1


def _down(node: Node, segment: str) -> tuple[Node, ...] | None:
    if node.has(segment):
        return (node,)
    for slot in node.slots:
        found = _down(slot.node, segment) if slot.node else None
        if found is not None:
            return (node, *found)
    return None


@cache
def _lines() -> dict[str, str]:
    text = (Path(__file__).parent / "tables" / "structures.txt").read_text("utf-8")
    return {name: rest for name, _, rest in (line.split(" ", 2) for line in text.splitlines())}


def is_structure(name: str) -> bool:
    """True when the standard has a message structure of that name, or an event that is sent in another's."""
    return canonical(name) in _lines()


def names() -> list[str]:
    """Every message structure."""
    return list(_lines())


@cache
def codes() -> frozenset[str]:
    """Every message code the standard has had, 2.1 to 2.9: ORU, ADT."""
    return frozenset(name.partition("_")[0] for name in _lines())


@cache
def structure(name: str, modern: bool = True) -> Node:
    """The tree of a structure; `modern` for messages of v2.7 and later. An unknown name gives a message without order."""
    root = Node("", None, False)
    stack, skip = [root], 0
    for match in _TOKEN.finditer(_lines().get(canonical(name), "MSH")):
        word, since, count, opens, closes = (sys.intern(part or "") for part in match.groups())
        if skip or (since and not modern):
            skip += bool(opens) - bool(closes)
        elif closes:
            stack.pop()
        else:
            here = stack[-1]
            node = Node(word, here, count in ("*", "+")) if opens else None
            here.slots.append(Slot(word, count in ("", "+"), count in ("*", "+"), node))
            if node:
                node.late = bool(since)
                stack.append(node)
    return root


def structure_name(code: str, event: str, declared: str) -> str:
    """The structure of a message by MSH-9: the declared one if the standard has it, else by its event; '' when unknown. Where
    two patients stand in one message it is the event's.
    """
    if declared and is_structure(declared) and not (event in PAIRED and code == "ADT"):
        return canonical(declared)
    found = EVENTS.get((code, event)) or f"{code}_{event}"
    return found if is_structure(found) else USUAL.get(code, "")
