"""What is written beside a resource: compiled once per type to closures that visit only the elements that stand.

Index entries are told apart by path, not by parameter, so parameters that share a path (`code` and `combo-code`) share its
entries.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from fhir.search import composite
from fhir.search.descend import descend
from fhir.search.entries import Entries, Visit
from fhir.search.hashing import digest8
from fhir.search.leaf import leaf
from fhir.search.parameters import Path, parameters

JSON = dict[str, Any]


@cache
def visits(type: str) -> dict[str, list[Visit]]:
    """What is asked of each element of a resource of this type."""
    found: dict[str, list[Visit]] = {}
    for path, kind in sorted(plan(type).items(), key=lambda item: item[0][0].id):
        if path[0].names:
            visit = descend(type, path[0], leaf(type, path[0], kind))
            found.setdefault(path[0].names[0], []).append(visit)
    for parameter in parameters(type).values():
        if parameter.kind == "composite":
            for name, visit in composite.visits(type, parameter):
                found.setdefault(name, []).append(visit)
    return found


@cache
def extractor(type: str) -> Callable[[JSON], Entries]:
    """The function from a resource of this type to its entries."""
    known, mine = visits(type), type == "Patient"

    def entries(body: JSON) -> Entries:
        out = Entries()
        for name, value in body.items():
            found = known.get(name)
            if found is not None:
                for visit in found:
                    visit(value, out)
        if mine:
            out.patient = digest8(f"Patient/{body['id']}")
        return out

    return entries


def plan(type: str) -> dict[tuple[Path, str], str]:
    """Every path that is indexed, with the way its values are; targets do not matter here."""
    found: dict[tuple[Path, str], str] = {}
    for parameter in parameters(type).values():
        if parameter.name in ("_id", "_lastUpdated"):
            continue
        parts = [(parameter.kind, parameter.paths)]
        if parameter.kind == "composite":
            parts = [(c.kind, c.paths) for c in parameter.components] if parameter.paths and not parameter.paths[0].names else []
        for kind, paths in parts:
            for one in paths:
                if one.names and one.names[0] != "%resource":
                    found[Path(one.names, one.type, one.marker, "", one.id), kind] = kind
    return found
