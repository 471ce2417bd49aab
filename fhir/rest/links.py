"""Links between resources made literal: entries of a transaction by their full URL, conditional references, this server's own address.

Source: https://hl7.org/fhir/R4/http.html#trules and bundle.html#references. Elements of type oid and uuid stay: what is relative
is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from engine.fault import Fault, Refused
from fhir import model
from fhir.rest.call import TYPES
from fhir.tables import table

JSON = dict[str, Any]
HOLDING = (str, dict, list)
TYPED = frozenset(("uri", "url", "canonical"))
PLAIN = frozenset(("system", "fullUrl"))  # addresses that never are a link to a resource of a Bundle
WHOLE = ("Bundle", "Parameters")  # what they hold is somebody else's to name, and may be signed
LINK = re.compile(r"""\b((?:href|src)\s*=\s*)(["'])(urn:[^"']+)\2""")
Literal = Callable[[str], "str | Fault"]


@cache
def names() -> frozenset[str]:
    """The names of elements that may hold a link."""
    held = [model.type_of(name) for name in table("r4")["types"]]
    found = {one.name for type in held if type is not None for one in type.elements.values() if one.type in TYPED}
    return frozenset(found) - PLAIN | {"reference", "div"}


def rewritten(value: Any, literal: Literal) -> Any:
    """The same with its links made literal, copied only where one changed; the first Fault met instead."""
    try:
        return _linked(value, literal, "", names())
    except Refused as refused:
        return refused.fault


def relative(body: JSON, base: str) -> JSON:
    """The same with references to this server's own address made relative; a Bundle is kept as it was put together."""
    if body.get("resourceType") in WHOLE:
        return body
    own = f"{base}/"
    found: JSON = rewritten(body, lambda text: stripped(text, own))
    return found


def stripped(text: str, own: str) -> str:
    """A reference without this server's address."""
    rest = text.removeprefix(own)
    return rest if rest.partition("/")[0].partition("?")[0] in TYPES else text


def beside(text: str, full_url: str, known: Mapping[str, str]) -> str:
    """What a relative reference means in an entry with an absolute address: the resource beside it, where that is an entry too."""
    parts = full_url.rsplit("/", 2)
    return known.get(f"{parts[0]}/{text}", "") if len(parts) == 3 and full_url.startswith("http") else ""


def _linked(value: Any, literal: Literal, name: str, known: frozenset[str]) -> Any:
    """As `rewritten`, for what stands under a name; a Fault is raised."""
    kind = type(value)
    if kind is str:
        if name == "reference":
            return _told(literal, value)
        if name not in known or "urn:" not in value:
            return value
        return LINK.sub(lambda m: f"{m[1]}{m[2]}{_told(literal, m[3])}{m[2]}", value) if name == "div" else _told(literal, value)
    if kind is dict:
        changed: JSON = {}
        for key, inner in value.items():
            if type(inner) in HOLDING and (new := _linked(inner, literal, key, known)) is not inner:
                changed[key] = new
        return {**value, **changed} if changed else value
    if kind is list:
        rows = [_linked(inner, literal, name, known) for inner in value]
        return rows if any(new is not old for new, old in zip(rows, value, strict=True)) else value
    return value


def _told(literal: Literal, text: str) -> str:
    found = literal(text)
    if isinstance(found, Fault):
        raise Refused(found)
    return found
