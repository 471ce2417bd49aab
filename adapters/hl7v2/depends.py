"""What several paths depend on: the texts of their fields, to remember results by.

Reading them costs a slice of each segment; two scopes with the same texts in the same context give the same for each of the paths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from adapters.hl7v2.path import Hl7Path
from adapters.hl7v2.segment import picking
from adapters.hl7v2.structure import Group

Told = tuple[int, tuple[Any, ...]]  # context, texts: a tuple of texts where several segments of a name stand there
NOWHERE = -1


class Texts(NamedTuple):
    """`read` gives the context and the texts seen from a scope, None where segments stand out of place; `of` says for each path
    which of the texts are its own.
    """

    read: Callable[[Group], Told | None]
    of: tuple[tuple[int, ...], ...]


def together(paths: Sequence[Hl7Path]) -> Texts | None:
    """What these paths depend on; None when they cannot tell (`Hl7Path.told`)."""
    if not all(path.told for path in paths):
        return None
    wanted: dict[str, set[int]] = {}
    for path in paths:
        wanted.setdefault(path.place.segment, set()).update(path.reads)
    seen = {path.place.segment: path for path in paths}
    places: dict[tuple[str, int], int] = {}
    parts = []
    for name, numbers in wanted.items():
        fields = sorted(numbers if len(numbers) > 1 else {0, *numbers})
        parts.append((name, seen[name], fields))
        places.update({(name, field): len(places) + at for at, field in enumerate(fields)})
    of = tuple(tuple(places[path.place.segment, field] for field in path.reads) for path in paths)
    return Texts(_alone(*parts[0]) if len(parts) == 1 else _several(parts), of)


def _alone(name: str, path: Hl7Path, fields: list[int]) -> Callable[[Group], Told | None]:
    near, pick, blank = path.near, picking(fields), ("",) * len(fields)

    def read(scope: Group) -> Told | None:
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
            return message._context or message.context, blank
        if len(found) > 1:
            return message._context or message.context, tuple(zip(*[pick(one.fields) for one in found], strict=True))
        one = found[0]
        return message._context or message.context, pick(one._fields or one._split())

    return read


def _several(parts: list[tuple[str, Hl7Path, list[int]]]) -> Callable[[Group], Told | None]:
    readers = [_alone(*part) for part in parts]

    def read(scope: Group) -> Told | None:
        texts: tuple[Any, ...] = ()
        for one in readers:
            told = one(scope)
            if told is None:
                return None
            texts += told[1]
        return scope.message.context, texts

    return read
