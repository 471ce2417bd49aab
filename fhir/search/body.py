"""What a search is told by the body itself: whether an element stands."""

from __future__ import annotations

from engine.fault import Fault
from fhir.search.parameters import Parameter, Path
from fhir.search.texts import bad
from fhir.search.where import Where, negated, some, there


def missing(parameter: Parameter, text: str) -> Where | Fault:
    """Whether an element stands at all, told by the body itself."""
    if text not in ("true", "false"):
        return bad(parameter.name, "`:missing` is true or false")
    found = some([standing(path) for path in parameter.paths])
    return negated(found) if text == "true" else found


def standing(path: Path) -> Where:
    """Whether anything stands at the end of a path."""
    sql = "jsonb_path_exists(nullif(r.body, '')::jsonb, %s::jsonpath)"
    return Where(sql, (jsonpath(path),), lambda row: there(row.body, path.names))


def jsonpath(path: Path) -> str:
    """Where a path's values stand, in PostgreSQL's notation."""
    return "$" + "".join(f'."{name}"[*]' for name in path.names)
