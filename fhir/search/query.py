"""A search as its client wrote it: parameters to conditions, and how the answer is to look.

Source: https://hl7.org/fhir/R4/search.html. Unknown parameters are refused or, leniently, passed over and named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.fault import Fault, Kind
from fhir import model
from fhir.search.parameters import Parameter, parameters
from fhir.search.sorting import Sort, sorts
from fhir.search.terms import term
from fhir.search.where import Where

COUNT, MOST = 20, 1000
MAX_TERMS = 50
RESULT = (
    "_count", "_sort", "_include", "_revinclude", "_summary", "_elements", "_total", "_format", "_pretty", "_page",
)  # fmt: skip
MOST_TARGETS = 12  # types that a chain looks at when none is named
INCLUDE = re.compile(r"([A-Za-z]+):([A-Za-z0-9\-_*]+)(?::([A-Za-z]+))?")


@dataclass(frozen=True, slots=True)
class Include:
    """`Observation:subject:Patient`, forwards or backwards, once or again and again."""

    type: str
    name: str
    target: str
    reverse: bool
    iterate: bool


@dataclass(frozen=True, slots=True)
class Chained:
    """A condition on another resource: `subject:Patient.name=x`, or reversed `_has:Observation:patient:code=x`."""

    types: tuple[str, ...]  # of the other resources
    name: str  # of the reference parameter
    rest: str  # the parameter on the other resource, with its modifier
    value: str
    reverse: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A search of one type, understood."""

    type: str
    wheres: tuple[Where, ...] = ()
    chains: tuple[Chained, ...] = ()
    count: int = COUNT
    sorts: tuple[Sort, ...] = ()
    includes: tuple[Include, ...] = ()
    summary: str = ""
    elements: tuple[str, ...] = ()
    total: str = ""
    page: str = ""
    kept: tuple[tuple[str, str], ...] = ()  # what the self link repeats
    ignored: tuple[str, ...] = field(default=())


def read(type: str, pairs: Sequence[tuple[str, str]], base: str = "", strict: bool = False) -> Query | Fault:
    """Understands a search; every problem is a Fault that names the parameter, never its value."""
    if len(pairs) > MAX_TERMS:
        return Fault(Kind.INCORRECT, "E564", f"more than {MAX_TERMS} parameters", "", "ask for less at once")
    wheres: list[Where] = []
    chains: list[Chained] = []
    ignored: list[str] = []
    kept: list[tuple[str, str]] = []
    for key, value in pairs:
        if key.partition(":")[0] in RESULT:
            if key != "_page" and value:
                kept.append((key, value))
            continue
        if (key, value) == ("_contained", "false"):
            continue
        if "\x00" in value or not value:
            if value:
                return Fault(Kind.INCORRECT, "E562", "a character that no text holds", key[:64])
            continue
        found = condition(type, key, value, base)
        if found is None:
            if strict:
                return unknown(type, key)
            ignored.append(key)
            continue
        if isinstance(found, Fault):
            return found
        kept.append((key, value))
        if isinstance(found, Where):
            wheres.append(found)
        else:
            chains.append(found)
    return shaped(Query(type, tuple(wheres), tuple(chains), kept=tuple(kept), ignored=tuple(ignored)), pairs)


def unknown(type: str, key: str) -> Fault:
    """The fault of a parameter that this type does not have."""
    known = ", ".join(sorted(parameters(type))[:40])
    return Fault(Kind.INCORRECT, "E561", f"{type} has no such search parameter", key[:64], f"it has {known}")


def condition(type: str, key: str, value: str, base: str) -> Where | Chained | Fault | None:
    """One parameter; None when it is unknown."""
    if key.startswith("_has:"):
        parts = key.split(":", 3)
        if len(parts) != 4 or parts[1] not in model.resources() or parts[2] not in parameters(parts[1]):
            return Fault(Kind.INCORRECT, "E561", "_has names a type, its reference parameter and a parameter", key[:64])
        return Chained((parts[1],), parts[2], parts[3], value, True)
    head, dot, rest = key.partition(".")
    name, _, modifier = head.partition(":")
    parameter = parameters(type).get(name)
    if parameter is None:
        return None
    if dot:
        return chained(type, parameter, modifier, rest, value)
    return term(type, parameter, modifier, value, base)


def chained(type: str, parameter: Parameter, target: str, rest: str, value: str) -> Chained | Fault:
    """A condition on the resource that a reference points to."""
    if parameter.kind != "reference":
        return Fault(Kind.INCORRECT, "E561", "only references are chained", parameter.name)
    inner = re.split(r"[.:]", rest)[0]
    known = model.resources()
    kinds = [target] if target else list(parameter.targets)
    kinds = [kind for kind in kinds if kind in known and (inner == "_has" or inner in parameters(kind))]
    if not kinds or len(kinds) > MOST_TARGETS:
        help = "as in `subject:Patient.name`"
        return Fault(Kind.INCORRECT, "E561", "name the type that the chain goes to, and a parameter of it", parameter.name, help)
    return Chained(tuple(kinds), parameter.name, rest, value, False)


def shaped(query: Query, pairs: Sequence[tuple[str, str]]) -> Query | Fault:
    """The query with what says how the answer is to look."""
    from dataclasses import replace  # noqa: PLC0415

    for key, value in pairs:
        name = key.partition(":")[0]
        if not value:
            continue
        if name == "_count":
            if not re.fullmatch(r"[0-9]{1,18}", value):
                return Fault(Kind.INCORRECT, "E562", "_count is a number", "_count")
            query = replace(query, count=min(int(value), MOST))
        elif name == "_sort":
            found = sorts(query.type, value)
            if isinstance(found, Fault):
                return found
            query = replace(query, sorts=found)
        elif name in ("_include", "_revinclude"):
            include = included(query.type, name, key.endswith(":iterate") or key.endswith(":recurse"), value)
            if isinstance(include, Fault):
                return include
            query = replace(query, includes=(*query.includes, include))
        elif name == "_summary" and value in ("true", "false", "text", "data", "count"):
            query = replace(query, summary="" if value == "false" else value)
        elif name == "_elements":
            query = replace(query, elements=tuple(part for part in value.split(",") if part.isidentifier()))
        elif name == "_total" and value in ("none", "estimate", "accurate"):
            query = replace(query, total=value)
        elif name == "_page":
            query = replace(query, page=value)
        elif name in ("_summary", "_total"):
            return Fault(Kind.INCORRECT, "E562", "a value that this parameter does not have", name)
    return replace(query, summary="count") if query.count == 0 else query


def included(type: str, name: str, iterate: bool, value: str) -> Include | Fault:
    """`_include=Observation:subject:Patient`."""
    match = INCLUDE.fullmatch(f"{type}:*" if value == "*" and name == "_include" else value)
    reverse = name == "_revinclude"
    if match is None or match[1] not in model.resources():
        return Fault(Kind.INCORRECT, "E562", "a type, its reference parameter, and perhaps a type it points to", name)
    parameter = parameters(match[1]).get(match[2])
    if match[2] != "*" and (parameter is None or parameter.kind != "reference"):
        return Fault(Kind.INCORRECT, "E561", "not a reference parameter of that type", name)
    return Include(match[1], match[2], match[3] or "", reverse, iterate)
