"""Whether a resource is right R4, told by its parts: by the names it has, and by each element alone.

What ties elements to each other (what must stand, choices, names that R4 does not have) is a matter of names where no `_` sibling
stands. So a resource is right when one with the very same names was found right and each of its elements is right by itself, and
elements that come again as the same objects were looked at before. What is not known to be right is for `validate` to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from fhir.model import resources
from fhir.recall import Recall
from fhir.validate import part

JSON = dict[str, Any]
MOST_SHAPES = 1024
MOST_REFERENCES = 1024
APART = ("text", "contained")  # judged by more than a schema
UNLIKE = ("Bundle", "Parameters")  # hold resources


class Kind:
    """A resource type: the names that were right, and the values."""

    __slots__ = ("_checks", "_references", "_shapes", "_type", "_values")

    def __init__(self, type: str) -> None:
        self._type = type
        self._shapes: set[tuple[str, ...]] = set()
        self._values: dict[str, Recall] = {}  # of the names of all shapes
        self._checks: dict[str, Callable[[Any], bool]] = {}
        self._references: dict[str, set[str]] = {}  # the texts of those that say nothing else: each is an object of its own

    def right(self, body: JSON) -> bool:
        """True when the resource is right; False when it is not known to be."""
        if tuple(body) not in self._shapes:
            return False
        values = self._values
        for name, value in body.items():  # noqa: SIM110  a generator costs a third more
            if id(value) not in values[name] and not self._fresh(name, value):
                return False
        return True

    def _fresh(self, name: str, value: Any) -> bool:
        if value.__class__ is dict and len(value) == 1 and (text := value.get("reference")).__class__ is str:
            known = self._references[name]
            if text in known:
                return True
            if self._checks[name](value):
                if len(known) >= MOST_REFERENCES:
                    known.clear()
                known.add(text)
                return True
            return False
        if not self._checks[name](value):
            return False
        if name != "id":
            self._values[name].keep((value,))
        return True

    def was_right(self, body: JSON) -> None:
        """Notes the names of a resource that is right."""
        names = tuple(body)
        if any(name[0] == "_" or name in APART for name in names) or len(self._shapes) >= MOST_SHAPES:
            return
        for name in names:
            self._checks[name] = part(self._type, name)
            self._values.setdefault(name, Recall())
            self._references.setdefault(name, set())
        self._shapes.add(names)


@cache
def kind(type: str) -> Kind | None:
    """What is known of a resource type; None for what is none, and for types that hold resources."""
    return Kind(type) if type in resources() and type not in UNLIKE else None
