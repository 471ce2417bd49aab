"""Whether a resource is right R4, told by its parts: by the names it has, and by each element alone.

What ties elements to each other (what must stand, choices, names that R4 does not have) is a matter of names where no `_` sibling
stands. So a resource is right when one with the very same names was found right and each of its elements is right by itself; elements
that come again as the same objects were looked at before. What is not known to be right is for `validate` to judge.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fhir.model import resources
from fhir.store.pieces import Pieces, pieced
from fhir.validate import part

JSON = dict[str, Any]
MOST_SHAPES = 1024
APART = ("text", "contained")  # judged by more than a schema
UNLIKE = ("Bundle", "Parameters")  # hold resources


class Kind:
    """A resource type: the names that were right, and what is known of its elements."""

    __slots__ = ("_id", "_pieces", "_shapes", "_type")

    def __init__(self, type: str, pieces: Pieces) -> None:
        self._type, self._pieces, self._id = type, pieces, part(type, "id")
        self._shapes: set[tuple[str, ...]] = set()

    def right(self, body: JSON) -> bool:
        """True when the resource is right; False when it is not known to be."""
        if tuple(body) not in self._shapes or not self._id(body["id"]) or body["resourceType"] != self._type:
            return False
        get = self._pieces.get
        for name, value in body.items():
            piece = get[name](id(value))
            if (piece is None or not piece[3]) and not self._pieces.elements[name].right(value):
                return False
        return True

    def was_right(self, body: JSON) -> None:
        """Notes the names of a resource that is right."""
        names = tuple(body)
        if "id" not in body or any(name[0] == "_" or name in APART for name in names) or len(self._shapes) >= MOST_SHAPES:
            return
        if all(self._pieces.met(name) for name in names):
            self._shapes.add(names)


@cache
def kind(type: str) -> Kind | None:
    """What is known of a resource type; None for what is none, and for types that hold resources."""
    return Kind(type, pieced(type)) if type in resources() and type not in UNLIKE else None
