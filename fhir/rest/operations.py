"""Operations on what is stored: Observation/$lastn, searches of a type inside a compartment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine.fault import Fault, Kind
from fhir import encode
from fhir.rest import derived, provenances
from fhir.rest.answer import Answer, refused
from fhir.rest.call import Call, resource
from fhir.rest.search import bundle
from fhir.rest.server import Server
from fhir.search.compartments import member
from fhir.search.find import Found, Page, find
from fhir.search.query import read
from fhir.validate import validate

MOST_LAST, MOST_PAGES = 1000, 50


async def inside(server: Server, call: Call) -> Answer:
    """GET Patient/1/Observation?…"""
    owner, id, type = call.path
    where = member(owner, id, type)
    if where is None:
        return refused(
            Fault(Kind.NOT_FOUND, "E560", f"a {type} is in no compartment of a {owner}", "", "see the compartment's page")
        )
    query = read(type, call.params, call.base, call.prefer("handling") == "strict")
    if isinstance(query, Fault):
        return refused(query)
    inner = replace(query, wheres=(*query.wheres, where))
    messages = type == "Provenance" and owner == "Patient"
    searched = provenances.searched(server, inner, call.base, id) if messages else server.asked(find(inner, call.base))
    page: Page | Fault = await searched
    if isinstance(page, Fault):
        return refused(page)
    if query.includes:
        page = await derived.joined(server, query, page)
    return Answer(200, bundle(call, query, page))


async def given(server: Server, call: Call, operation: Callable[[Server, Call], Awaitable[Answer]]) -> Answer:
    """An operation by GET, or by POST with its parameters as Parameters, as every operation may be called."""
    if call.method != "POST" or not (call.body or call.resource):
        return await operation(server, call)
    body = resource(call)
    if isinstance(body, Fault):
        return refused(body)
    faults = validate(body)
    if faults or body.get("resourceType") != "Parameters":
        return refused(faults or Fault(Kind.INCORRECT, "E558", "an operation is posted Parameters", "resourceType"))
    told = [(row["name"], str(value)) for row in body.get("parameter", ()) for name, value in row.items() if plain(name, value)]
    return await operation(server, replace(call, params=(*call.params, *told), body=b"", resource=None))


def plain(name: str, value: object) -> bool:
    """Whether a part of Parameters is a value that an address could hold."""
    return name.startswith("value") and isinstance(value, str | int)


async def last(server: Server, call: Call) -> Answer:
    """GET Observation/$lastn: the newest of each code, `max` of them."""
    text = dict(call.params).get("max", "1")
    params = [(name, value) for name, value in call.params if name not in ("max", "_sort", "_count")]
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1000):
        return refused(Fault(Kind.INCORRECT, "E562", "max is a number from 1", "max"))
    query = read("Observation", [*params, ("_sort", "-date"), ("_count", str(MOST_LAST))], call.base)
    if isinstance(query, Fault):
        return refused(query)
    if not any(name.partition(":")[0] in ("patient", "subject") for name, _ in query.kept):
        return refused(Fault(Kind.INCORRECT, "E562", "$lastn needs a patient or subject", "patient"))
    kept: dict[str, int] = {}
    matches: list[Found] = []
    for _ in range(MOST_PAGES):
        page = await server.asked(find(query, call.base))
        if isinstance(page, Fault):
            return refused(page)
        for one in page.matches:
            name = code(one)
            kept[name] = kept.get(name, 0) + 1
            if kept[name] <= int(text):
                matches.append(one)
        if not page.next:
            break
        query = replace(query, page=page.next)
    return Answer(200, bundle(call, replace(query, kept=tuple(call.params)), Page(tuple(matches), total=len(matches))))


def code(one: Found) -> str:
    """What is measured: the first coding, or the text."""
    held = encode.trusted(one.body)["code"]
    first = (held.get("coding") or [{}])[0]
    return f"{first.get('system', '')}|{first.get('code', '')}|{'' if 'code' in first else held.get('text', '')}"
