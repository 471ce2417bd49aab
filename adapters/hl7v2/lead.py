"""The beginning of a message, enough for the paths of its order key: the first segment of each name they read, and no tree.

Where a segment stands follows from the names of those before it, and a path gives the first of its name where the structure has it. So
whether the first segment of a name is what a path means is found out once for each beginning (MSH, PID, OBR): by making the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.hl7v2 import er7
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.lines import split, split_beginning
from adapters.hl7v2.path import Hl7Path
from adapters.hl7v2.shape import Node, Slot
from adapters.hl7v2.structure import Group, root, structure_of
from engine.fault import Fault

MOST = 1000  # beginnings whose answer is kept
LONGEST = 50  # segments of such a beginning
Read = Callable[[bytes], "Group | Fault"]


def leading(paths: Sequence[Hl7Path], charset: str | None, fallback: str | None) -> Read | None:
    """What reads as much of a message as `first` of these paths needs, seen from the root; None when they need it all."""
    if any(path.place.nth > 1 for path in paths):
        return None
    names = frozenset(path.place.segment for path in paths)
    sought = sorted(names - {"MSH"})
    flat = Node("", None, False)
    flat.slots += [Slot(name, False, False, None) for name in sorted(names)]
    known: dict[tuple[object, ...], bool] = {}

    def read(raw: bytes) -> Group | Fault:
        message = er7.opened(raw, charset, fallback)
        if isinstance(message, Fault):
            return message
        if message.header.fields[0] == "MSH" and split_beginning(message, sought) and len(message.segments) <= LONGEST:
            key = (*structure_of(message), *[segment.name for segment in message.segments])
            holds = known.get(key)
            if holds is None:
                if len(known) >= MOST:
                    known.clear()
                holds = known[key] = _means_first(root(message), paths)
            if holds:
                return _flat(message, flat)
        message.segments.clear()
        split(message)
        return root(message)

    return read


def _means_first(scope: Group, paths: Sequence[Hl7Path]) -> bool:
    """Whether each path means the first segment of its name, and would whatever followed."""
    message = scope.message
    first = {name: message.first(name) for name in (path.place.segment for path in paths)}
    return message.strays.isdisjoint(first) and all(
        found is not None and path.standing(scope)[:1] == [found] for path in paths for found in [first[path.place.segment]]
    )


def _flat(message: Er7, node: Node) -> Group:
    """The first segment of each name that the node has, beside each other."""
    scope = Group(node, None, message)
    for segment in message.segments:
        if segment.name not in scope.segs and node.has(segment.name):
            scope.segs[segment.name] = [segment]
    message.names.update(scope.segs)
    return scope
