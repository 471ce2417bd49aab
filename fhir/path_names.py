"""The parts of a path through a FHIR document, `identifier[system=urn:x].value`, and how they are read from its text."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Name(NamedTuple):
    """One part of a path: an element, `resolve` or a resource type; which items of a list, from 1, or those whose `by` is `value`."""

    text: str
    nth: int = 0
    by: str = ""
    value: str = ""


@lru_cache(maxsize=4096)
def names_of(text: str) -> tuple[Name, ...] | None:
    """The parts of a path such as `identifier[system=urn:x].value`, `subject.resolve.Patient.name[1]`; None when it is none."""
    names: list[Name] = []
    rest = text
    while rest:
        end = next((place for place, mark in enumerate(rest) if mark in ".["), len(rest))
        word, rest = rest[:end], rest[end:]
        if not word.isidentifier():
            return None
        inside = ""
        if rest.startswith("["):
            inside, closed, rest = rest[1:].partition("]")
            if not closed or not inside:
                return None
        by, equals, value = inside.partition("=")
        if inside.isdigit():
            names.append(Name(word, nth=int(inside)))
        elif inside:
            names.append(Name(word, by=by if equals else "url", value=value if equals else inside))
        else:
            names.append(Name(word))
        if rest and (not rest.startswith(".") or rest == "."):
            return None
        rest = rest[1:]
    return tuple(names) or None
