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
from fhir.search.hashing import number
from fhir.search.parameters import Parameter, Path, parameters
from fhir.search.plan import Ask, Rows
from fhir.search.pointed import pointed
from fhir.search.query import Chained, Include, Query
from fhir.search.sorting import place, written
from fhir.search.where import NEVER, OWN, Where, every, looked, some, tokens
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
    if query.total in ("accurate", "estimate") and total is None:
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
    found: list[Where] = []
    for kind in chain.types:
        where = yield from linked_to(type, kind, chain, base, depth)
        if isinstance(where, Fault):
            return where
        found.append(where)
    return some(found)


def linked_to(type: str, kind: str, chain: Chained, base: str, depth: int) -> Generator[Ask, Rows, Where | Fault]:
    """As `linked`, for other resources of one type."""
    inner = queries.condition(kind, chain.rest, chain.value, base)
    if inner is None or isinstance(inner, Fault):
        return inner or queries.unknown(kind, chain.rest)
    wheres = (inner,) if isinstance(inner, Where) else ()
    where = yield from resolved(kind, wheres, () if isinstance(inner, Where) else (inner,), base, depth + 1)
    if isinstance(where, Fault):
        return where
    rows = yield Ask(listing(kind, where), (*where.values, MOST_CHAINED + 1))
    if len(rows) > MOST_CHAINED:
        text = f"more than {MOST_CHAINED} resources match the inner condition"
        return Fault(Kind.INCORRECT, "E566", text, chain.name, "narrow it")
    if chain.reverse:
        return pointed_at(type, kind, chain.name, [row[3] for row in rows])
    parameter = parameters(type)[chain.name]
    urls = [url for row in rows for url in addresses(row[3])] if canonical(parameter) else []
    return some([pointing(type, parameter, [f"{kind}/{row[1]}" for row in rows]), pointing(type, parameter, urls)])


def pointed_at(type: str, kind: str, name: str, bodies: Sequence[str]) -> Where:
    """Resources that a parameter of some others points to, by id or by canonical address."""
    names = {found for body in bodies for found in references(kind, name, body)}
    keys = [uuid_of(*one.split("/", 1)) for one in names if one.startswith(f"{type}/")]
    by_key = Where("r.key = any(%s)", (keys,), by=OWN)
    urls = sorted({url for body in bodies for url in canonicals(kind, name, body)})
    return some([by_key, named(type, urls)]) if urls else by_key


def named(type: str, urls: Sequence[str]) -> Where:
    """Resources of a type with one of these canonical addresses, whatever their version."""
    known = parameters(type).get("url")
    plain = [url.partition("|")[0] for url in urls]
    return tokens([number(f"{path.id}|{url}") for path in known.paths for url in plain]) if known is not None else NEVER


def pointing(type: str, parameter: Parameter, names: Sequence[str]) -> Where:
    """Resources whose reference is one of these."""
    return some([pointed(type, path, name, [name.split("/")[0]]) for name in names for path in parameter.paths])


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
        urls = [url for one in fresh for url in addresses(one.body)] if any(canonical(p) for p in chosen) else []
        parts = [pointing(rule.type, p, [*names, *(urls if canonical(p) else [])]) for p in chosen]
        return every([Where("r.type = %s", (CODES[rule.type],)), some(parts)])
    mine = [one for one in fresh if one.type == rule.type]
    wanted = {
        name
        for one in mine
        for p in chosen
        for name in references(rule.type, p.name, one.body)
        if not rule.target or name.startswith(f"{rule.target}/")
    }
    keys = [uuid_of(*name.split("/", 1)) for name in wanted if tuple(name.split("/", 1)) not in known]
    found = [Where("r.key = any(%s)", (keys,), by=OWN)] if keys else []
    for p in chosen:
        urls = sorted({url for one in mine for url in canonicals(rule.type, p.name, one.body)}) if canonical(p) else []
        kinds = [kind for kind in ([rule.target] if rule.target else p.targets) if "url" in parameters(kind)]
        found += [every([Where("r.type = %s", (CODES[kind],)), named(kind, urls)]) for kind in kinds if urls]
    return some(found) if found else None


def canonical(parameter: Parameter) -> bool:
    """Whether a reference parameter leads to canonical addresses."""
    return any(path.type in ("canonical", "uri") for path in parameter.paths)


def addresses(body: str) -> list[str]:
    """A resource's canonical address, without and with its version."""
    resource = encode.trusted(body) if body[:1] == "{" else {}
    url, version = resource.get("url"), resource.get("version")
    return [url, *([f"{url}|{version}"] if version else [])] if isinstance(url, str) else []


def canonicals(type: str, name: str, body: str) -> Iterable[str]:
    """The canonical addresses that a parameter of a resource points to."""
    parameter = parameters(type).get(name)
    if parameter is None or not canonical(parameter):
        return []
    resource = encode.trusted(body)
    return [value for path in parameter.paths for value in values(resource, path) if isinstance(value, str)]


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
