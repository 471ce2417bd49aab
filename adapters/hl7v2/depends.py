"""What several paths depend on together: the texts of their fields, as one key to remember results by.

Reading that key costs a slice of each segment; two scopes with the same key give the same for each of the paths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from adapters.hl7v2.path import Hl7Path
from adapters.hl7v2.structure import Group

Key = Callable[[Group], "tuple[Any, ...] | None"]
Pick = Callable[[list[str]], Any]
NOWHERE = -1


def together(paths: Sequence[Hl7Path]) -> Key | None:
    """The function from a scope to the key; None when there can be none. It gives None where segments stand out of place."""
    if any(path.place.nth > 1 for path in paths):
        return None
    wanted: dict[str, set[int]] = {}
    for path in paths:
        wanted.setdefault(path.place.segment, set()).update(path.reads)
    seen = {path.place.segment: path for path in paths}
    parts = [(seen[name], _pick(sorted(fields))) for name, fields in wanted.items()]
    return _alone(*parts[0]) if len(parts) == 1 else _several(parts)


def _alone(path: Hl7Path, pick: Pick) -> Key:
    name, near = path.place.segment, path._near

    def key(scope: Group) -> tuple[Any, ...] | None:
        message = scope.message
        if name in message.strays:
            return None
        ups = near.get(scope.node, NOWHERE)
        group: Any = scope
        while ups > 0:
            group = group.parent
            ups -= 1
        found = group.segs.get(name) if not ups else path.standing(scope)
        if not found:
            return ()
        if len(found) > 1:
            return message.context, *[pick(one.fields) for one in found]
        one = found[0]
        return message.context, pick(one._fields or one._split())

    return key


def _several(parts: list[tuple[Hl7Path, Pick]]) -> Key:
    names = frozenset(path.place.segment for path, _ in parts)
    each = [(path.place.segment, path._near, path, pick) for path, pick in parts]

    def key(scope: Group) -> tuple[Any, ...] | None:
        message = scope.message
        if message.strays and not names.isdisjoint(message.strays):
            return None
        found: list[Any] = [message.context]
        for name, near, path, pick in each:
            ups = near.get(scope.node, NOWHERE)
            group: Any = scope
            while ups > 0:
                group = group.parent
                ups -= 1
            segments = group.segs.get(name) if not ups else path.standing(scope)
            if not segments:
                found.append(None)
            elif len(segments) > 1:
                found.append(tuple(pick(one.fields) for one in segments))
            else:
                one = segments[0]
                found.append(pick(one._fields or one._split()))
        return tuple(found)

    return key


def _pick(fields: list[int]) -> Pick:
    """The fields of these numbers; what a short segment lacks is empty."""
    get: Pick = itemgetter(*fields)
    padding = [""] * (fields[-1] + 1)

    def pick(texts: list[str]) -> Any:
        try:
            return get(texts)
        except IndexError:
            return get(texts + padding)

    return pick
