"""The way from an element to the values at the end of a path, compiled to closures, one for each list that is gone through."""

from __future__ import annotations

from typing import Any

from fhir.model import element
from fhir.search.entries import Entries, Visit
from fhir.search.parameters import NONE, Path


def descend(type: str, path: Path, last: Visit) -> Visit:
    """Goes from the first name to the values, through lists, past what the marker shuts out."""
    if len(path.names) == 1 and not path.marker and (element(f"{type}.{path.names[0]}") or NONE).max == 1:
        return last
    at, _, rule = path.marker.partition(":") if ":" in path.marker else ("", "", "")
    key, _, wanted = rule.partition("=")
    visit = each(last, (key, wanted) if at == str(len(path.names) - 1) else None)
    for depth in range(len(path.names) - 2, -1, -1):
        visit = below(visit, path.names[depth + 1], (key, wanted) if at == str(depth) else None)
    return visit


def each(following: Visit, only: tuple[str, str] | None) -> Visit:
    """Every value of a list, or the one value."""

    def on(value: Any, out: Entries) -> None:
        for one in value if isinstance(value, list) else (value,):
            if one is not None and (only is None or one.get(only[0]) == only[1]):
                following(one, out)

    return on


def below(following: Visit, name: str, only: tuple[str, str] | None) -> Visit:
    """One name further, for each value of a list."""

    def on(value: Any, out: Entries) -> None:
        for one in value if isinstance(value, list) else (value,):
            found = one.get(name) if isinstance(one, dict) else None
            if found is not None and (only is None or one.get(only[0]) == only[1]):
                following(found, out)

    return on
