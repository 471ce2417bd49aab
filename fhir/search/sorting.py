"""The order of an answer, and the place in it where a page ended.

Rows are ordered by the wanted keys and at last by their number, which never changes: a page begins after the values of the
last row of the one before, so that what is written meanwhile moves nothing. Rows without a value come last. A single key that
has an index is followed by the number in its own direction, as the index is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from engine.fault import Fault, Kind
from fhir.search.hashing import tag
from fhir.search.parameters import Path, date_path, parameters
from fhir.search.where import Where
from fhir.store.access import ACTIONS

MAX_SORTS = 5
LEXEME = "(select WHICH(substr(w, strpos(w, ':') + 1)) from unnest(tsvector_to_array(r.strings)) w where w like any(%s))"
RANGE = "(select WHICH(r.ranges[i + 1]) from generate_series(1, cardinality(r.ranges), 3) i where r.ranges[i] = any(%s))"
BODY = "(jsonb_path_query_first(r.body::jsonb, %s::jsonpath) #>> '{}')"


ACTION = "case r.body::jsonb ->> 1 WHEN else 'E' end".replace(
    "WHEN", " ".join(f"when '{one}' then '{act}'" for one, act in ACTIONS.items())
)
ACCESS = {  # of accesses, which are rendered: the same values of what is kept of them
    "action": ACTION,
    "subtype": "(r.body::jsonb ->> 1)",
    "outcome": "case when (r.body::jsonb ->> 2)::int < 400 then '0' when (r.body::jsonb ->> 2)::int < 500 then '4' else '8' end",
    "entity": "(r.body::jsonb ->> 3) || '/' || (r.body::jsonb ->> 4)",
    "patient": "(r.body::jsonb -> 7 ->> 0)",
}


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of the order; `column` where an index has its order."""

    sql: str
    values: tuple[Any, ...]
    down: bool
    cast: str = ""
    column: str = ""


def sorts(type: str, text: str) -> tuple[Sort, ...] | Fault:
    """`_sort=-date,code` as keys."""
    found = []
    for part in text.split(",")[:MAX_SORTS]:
        name = part.removeprefix("-")
        one = key(type, name, part.startswith("-"))
        if one is None:
            return Fault(Kind.INCORRECT, "E561", "not a parameter that can be sorted by", "_sort")
        found.append(one)
    return tuple(found)


def key(type: str, name: str, down: bool) -> Sort | None:
    """One parameter as a key; None when there is none."""
    if name == "_lastUpdated":
        return indexed("updated", down)
    if name == "_id":
        return Sort('r.id collate "C"', (), down, "text")
    parameter = parameters(type).get(name)
    if parameter is None or not parameter.paths or parameter.kind == "composite":
        return None
    paths, which = parameter.paths, "max" if down else "min"  # of several values, the first one in the order
    if parameter.kind == "date" and paths[0].id in date_path(type):
        return indexed("low", down)
    if parameter.kind in ("date", "number", "quantity"):
        return Sort(RANGE.replace("WHICH", which), ([tag(path.id) for path in paths],), down, "double precision")
    if parameter.kind == "string":
        return Sort(LEXEME.replace("WHICH", which), ([f"{path.id}:%" for path in paths],), down, "text")
    texts = tuple(below(path) for path in paths)
    sql = f"coalesce({', '.join([BODY] * len(texts))})"
    if type == "AuditEvent" and name in ACCESS:
        sql = f"case when r.body like '[%%' then {ACCESS[name]} else {sql} end"
    return Sort(sql, texts, down, "text")


def below(path: Path) -> str:
    """Where the text of a token or reference stands, in PostgreSQL's notation."""
    names = {"CodeableConcept": ["coding", "code"], "Coding": ["code"], "Identifier": ["value"], "ContactPoint": ["value"]}
    return "$" + "".join(
        f'."{one}"[*]' for one in (*path.names, *names.get(path.type, ["reference"] if path.type == "Reference" else []))
    )


def indexed(column: str, down: bool) -> Sort:
    """A key with an index: `updated` or `low`, the begin of the main date."""
    return Sort(f"r.{column}", (), down, "timestamptz" if column == "updated" else "bigint", column)


def upwards(keys: Sequence[Sort]) -> bool:
    """Whether rows of equal keys go by rising numbers."""
    return len(keys) == 1 and bool(keys[0].column) and not keys[0].down


def ordered(keys: Sequence[Sort]) -> tuple[str, tuple[Any, ...]]:
    """The `order by` and its values; without keys, the newest first."""
    parts = [f"{one.sql} {'desc' if one.down else 'asc'} nulls last" for one in keys]
    return ", ".join([*parts, "r.num asc" if upwards(keys) else "r.num desc"]), tuple(
        value for one in keys for value in one.values
    )


def after(keys: Sequence[Sort], last: Sequence[Any]) -> Where:
    """What comes after a row with these values, its number last."""
    sql, values = f"r.num {'>' if upwards(keys) else '<'} %s", (last[-1],)
    for one, value in reversed(list(zip(keys, last[:-1], strict=True))):
        if value is None:
            sql, values = f"({one.sql} is null and {sql})", (*one.values, *values)
        else:
            sign = "<" if one.down else ">"
            held = f"%s::{one.cast}"
            sql = f"({one.sql} {sign} {held} or {one.sql} is null or ({one.sql} = {held} and {sql}))"
            values = (*one.values, value, *one.values, *one.values, value, *values)
    return Where(sql, values)


def written(last: Sequence[Any]) -> str:
    """The place as the text of a link."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in last]
    return base64.urlsafe_b64encode(msgspec.json.encode(plain)).decode().rstrip("=")


def place(text: str, keys: Sequence[Sort]) -> list[Any] | Fault:
    """The place a link names; forged ones are refused."""
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), strict=True)
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError):
        found = None
    kinds = {"timestamptz": str, "text": str, "bigint": int, "double precision": float}
    wanted = [kinds[one.cast] for one in keys]
    if not isinstance(found, list) or len(found) != len(keys) + 1 or not isinstance(found[-1], int) or abs(found[-1]) > 2**62:
        return forged()
    for value, kind in zip(found[:-1], wanted, strict=True):
        if value is not None and not (isinstance(value, kind) or (kind is float and isinstance(value, int))):
            return forged()
    return found


def forged() -> Fault:
    """The fault of a link that is not this server's."""
    return Fault(Kind.INCORRECT, "E565", "the page link is not one of this server's", "_page", "begin the search again")
