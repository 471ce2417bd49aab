"""Finds what a query asks for, without I/O: a generator that yields statements and is sent their rows.

So the same search runs on an asynchronous connection for a client and inside a writer's transaction for a condition.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode
from fhir.search import plan
from fhir.search import query as queries
from fhir.search.parameters import Parameter, Path, parameters
from fhir.search.plan import Ask, Rows
from fhir.search.query import Chained, Include, Query
from fhir.search.sorting import place, written
from fhir.search.terms import pointed
from fhir.search.where import NEVER, OWN, Where, every, looked, some
from fhir.store import access
from fhir.store.types import CODES, NAMES, uuid_of

JSON = dict[str, Any]
MOST_CHAINED = 2000
MOST_INCLUDED = 1000
MAX_CHAIN = 4
MAX_ITERATE = 4


Asking = Generator[Ask, Rows, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """One resource of an answer."""

    type: str
    id: str
    version: int
    body: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer. `next` is the place after it, empty on the last one; `total` is None when nobody counted."""

    matches: tuple[Found, ...] = ()
    included: tuple[Found, ...] = ()
    next: str = ""
    total: int | None = None


def find(query: Query, base: str = "") -> Generator[Ask, Rows, Page | Fault]:
    """The page a query asks for."""
    where = yield from resolved(query.type, query.wheres, query.chains, base)
    if isinstance(where, Fault):
        return where
    if query.summary == "count":
        return Page(total=(yield from count(query.type, where)))
    keys = query.sorts or plan.implied(query.type, where)
    last = place(query.page, keys) if query.page else []
    if isinstance(last, Fault):
        return last
    rows = yield from plan.rows(plan.Way(query.type, where, keys, tuple(last), query.count + 1))
    matches = tuple(found(query.type, *row[1:4]) for row in rows[: query.count])
    more = len(rows) > query.count
    following = written([*rows[query.count - 1][4:], rows[query.count - 1][0]]) if more else ""
    total = len(rows) if not more and not query.page else None
    if query.total == "accurate" and total is None:
        total = yield from count(query.type, where)
    included = yield from include(query.includes, matches)
    return Page(matches, tuple(included), following, total)


LIST = "select r.type, r.id, r.version, r.body from TABLE r where not r.deleted and WHERE limit %s"


def listing(type: str, where: Where) -> str:
    """The statement that lists resources, of one type or of any."""
    return LIST.replace("TABLE", plan.table(type)).replace("WHERE", looked(where))


def found(type: str, id: str, version: int, body: str) -> Found:
    """A row as a resource; one that stands for an access is rendered."""
    return Found(type, id, version, access.rendered(id, body) if body[:1] == "[" else body)


def resolved(
    type: str, wheres: Sequence[Where], chains: Sequence[Chained], base: str, depth: int = 0
) -> Generator[Ask, Rows, Where | Fault]:
    """All conditions of a search, chains followed."""
    parts = [Where("r.type = %s and not r.deleted", (CODES[type],)), *wheres]
    for chain in chains:
        part = yield from linked(type, chain, base, depth)
        if isinstance(part, Fault):
            return part
        parts.append(part)
    return every(parts)


def linked(type: str, chain: Chained, base: str, depth: int) -> Generator[Ask, Rows, Where | Fault]:
    """A condition on other resources as one on these: the others are looked up first."""
    if depth >= MAX_CHAIN:
        return Fault(Kind.INCORRECT, "E564", f"more than {MAX_CHAIN} links in a chain", chain.name)
    inner = queries.condition(chain.type, chain.rest, chain.value, base)
    if inner is None or isinstance(inner, Fault):
        return inner or queries.unknown(chain.type, chain.rest)
    wheres = (inner,) if isinstance(inner, Where) else ()
    where = yield from resolved(chain.type, wheres, () if isinstance(inner, Where) else (inner,), base, depth + 1)
    if isinstance(where, Fault):
        return where
    rows = yield Ask(listing(chain.type, where), (*where.values, MOST_CHAINED + 1))
    if len(rows) > MOST_CHAINED:
        text = f"more than {MOST_CHAINED} resources match the inner condition"
        return Fault(Kind.INCORRECT, "E566", text, chain.name, "narrow it")
    if chain.reverse:
        names = {name for row in rows for name in references(chain.type, chain.name, row[3])}
        keys = [uuid_of(*name.split("/", 1)) for name in names if name.startswith(f"{type}/")]
        return Where("r.key = any(%s)", (keys,), by=OWN)
    return pointing(type, parameters(type)[chain.name], [f"{chain.type}/{row[1]}" for row in rows])


def pointing(type: str, parameter: Parameter, names: Sequence[str]) -> Where:
    """Resources whose reference is one of these."""
    return (
        some([pointed(type, path, name, [name.split("/")[0]]) for name in names for path in parameter.paths]) if names else NEVER
    )


def count(type: str, where: Where) -> Generator[Ask, Rows, int]:
    """How many match."""
    rows = yield Ask(f"select count(*) from {plan.table(type)} r where {looked(where)}", where.values)  # noqa: S608  fixed text
    return int(rows[0][0])


def include(wanted: Sequence[Include], matches: Sequence[Found]) -> Generator[Ask, Rows, list[Found]]:
    """What points to the matches and what they point to, each once."""
    known = {(one.type, one.id) for one in matches}
    held: list[Found] = []
    fresh: Sequence[Found] = matches
    rules = list(wanted)
    for _ in range(MAX_ITERATE):
        added: list[Found] = []
        for rule in rules:
            where = around(rule, fresh, known)
            if where is None:
                continue
            rows = yield Ask(listing(rule.type if rule.reverse else "", where), (*where.values, MOST_INCLUDED))
            for row in rows:
                one = found(NAMES[row[0]], *row[1:])
                if (one.type, one.id) not in known and len(held) + len(added) < MOST_INCLUDED:
                    known.add((one.type, one.id))
                    added.append(one)
        held += added
        rules = [rule for rule in wanted if rule.iterate]
        fresh = added
        if not added or not rules:
            break
    return held


def around(rule: Include, fresh: Sequence[Found], known: set[tuple[str, str]]) -> Where | None:
    """The condition of one include rule for these resources; None when it finds nothing."""
    chosen = [p for p in parameters(rule.type).values() if p.kind == "reference" and rule.name in (p.name, "*")]
    if rule.reverse:
        names = [f"{one.type}/{one.id}" for one in fresh]
        if not names:
            return None
        return every([Where("r.type = %s", (CODES[rule.type],)), some([pointing(rule.type, p, names) for p in chosen])])
    wanted = {
        name
        for one in fresh
        if one.type == rule.type
        for p in chosen
        for name in references(rule.type, p.name, one.body)
        if not rule.target or name.startswith(f"{rule.target}/")
    }
    keys = [uuid_of(*name.split("/", 1)) for name in wanted if tuple(name.split("/", 1)) not in known]
    return Where("r.key = any(%s)", (keys,), by=OWN) if keys else None


def references(type: str, name: str, body: str) -> Iterable[str]:
    """The `Type/id` texts that a parameter of a resource points to."""
    parameter = parameters(type).get(name)
    resource = encode.trusted(body)
    for path in parameter.paths if parameter else ():
        for value in values(resource, path):
            text = value.get("reference", "") if isinstance(value, dict) else ""
            parts = text.partition("/_history/")[0].split("/")
            if len(parts) == 2 and parts[0] in CODES and (not path.target or parts[0] == path.target):
                yield "/".join(parts)


def values(resource: JSON, path: Path) -> list[Any]:
    """What stands at the end of a path, filters left aside."""
    found: list[Any] = [resource]
    for name in path.names:
        below = [one.get(name) for one in found if isinstance(one, dict)]
        found = [value for one in below if one is not None for value in (one if isinstance(one, list) else [one])]
    return found
