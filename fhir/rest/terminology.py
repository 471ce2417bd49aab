"""$translate, $lookup and $validate-code on the mapping tables, and the tables read and searched as resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode, terminology
from fhir.rest.answer import Answer, refused
from fhir.rest.call import Call, resource
from fhir.rest.server import Server
from fhir.search.find import Found, Page
from fhir.search.query import Query

OPERATIONS = {
    ("ConceptMap", "$translate"),
    ("CodeSystem", "$lookup"),
    ("CodeSystem", "$validate-code"),
    ("ValueSet", "$validate-code"),
}
KNOWN = ("url", "name", "_id", "_count", "_sort", "_total", "_summary", "_format")


def tables(server: Server) -> terminology.Tables:
    """The tables deployed now."""
    told: Any = server.site.settings.get("tables")
    found: terminology.Tables = told() if told is not None else {}
    return found


def one(server: Server, type: str, id: str) -> list[tuple[Any, ...]]:
    """The row of a table's resource as the store would give it."""
    table = terminology.named(tables(server), type, id)
    return [(1, server.now(), False, encode.dumps(terminology.MAKE[type](table)).decode())] if table is not None else []


def joined(server: Server, query: Query, page: Page) -> Page:
    """The first page with the tables that fit; those who ask by anything else see what is stored only."""
    if query.page or any(name not in KNOWN for name, _ in query.kept):
        return page
    asked = [(name, value) for name, value in query.kept if name in ("url", "name", "_id")]
    found = [body for body in terminology.resources(tables(server), query.type) if all(fits(body, *pair) for pair in asked)]
    rows = [Found(query.type, body["id"], 1, encode.dumps(body).decode()) for body in found]
    total = None if page.total is None else page.total + len(rows)
    return replace(page, matches=() if query.summary == "count" else (*rows, *page.matches), total=total)


def fits(body: dict[str, Any], name: str, value: str) -> bool:
    """Whether a table's resource has this url or id, or a name that begins so."""
    if name == "name":
        return any(str(body["name"]).lower().startswith(each.lower()) for each in value.split(","))
    return str(body["id" if name == "_id" else name]) in value.split(",")


def operate(server: Server, call: Call) -> Answer:
    """GET or POST of one of the operations, on the type or on one table."""
    values = given(call)
    if isinstance(values, Fault):
        return refused(values)
    known, name = tables(server), call.path[-1]
    code = values.get("code", "")
    if not code:
        return refused(Fault(Kind.INCORRECT, "E534", "no code is asked about", "code", "name the code"))
    where = call.path[1] if len(call.path) == 3 else values.get("url", "")
    if name == "$translate":
        told = values.get("source", "") or values.get("system", "")
        where = where or told.replace(":valueset:", ":conceptmap:").replace(":codesystem:", ":conceptmap:")
        table = terminology.named(known, "ConceptMap", where)
        return refused(missing("url")) if table is None else Answer(200, encode.dumps(terminology.translated(table, code)))
    table = terminology.named(known, call.type, where) if where else None
    system = terminology.url("CodeSystem", table.name) if table is not None else values.get("system", "") or where
    codes = terminology.displays(known, system)
    if not codes:
        return refused(missing("system"))
    return found(name, system, code, codes)


def found(name: str, system: str, code: str, codes: dict[str, str]) -> Answer:
    """What is known of a code of a system that is known."""
    there = code in codes
    if name == "$lookup" and not there:
        return refused(Fault(Kind.NOT_FOUND, "E535", "the system has no such code here", "code"))
    display = [("display", "valueString", codes[code])] if there and codes[code] else []
    first = ("name", "valueString", system) if name == "$lookup" else ("result", "valueBoolean", there)
    said = display or ([("display", "valueString", code)] if name == "$lookup" else [])
    return Answer(200, encode.dumps(terminology.parameters(first, *said)))


def missing(at: str) -> Fault:
    """The fault of a table that is not deployed."""
    return Fault(Kind.NOT_FOUND, "E535", "no table of this server has this address", at, "see /ConceptMap")


def given(call: Call) -> dict[str, str] | Fault:
    """The operation's parameters, of the address or of Parameters; a Coding or CodeableConcept gives system and code."""
    values = dict(call.params)
    if call.method != "POST":
        return values
    body = resource(call)
    if isinstance(body, Fault):
        return body
    rows = body.get("parameter", ())
    for row in rows if isinstance(rows, Sequence) else ():
        if not isinstance(row, dict):
            continue
        held = next((value for name, value in row.items() if name.startswith("value")), None)
        if isinstance(held, str):
            values[str(row.get("name"))] = held
        for coding in (held.get("coding") or [held]) if isinstance(held, dict) else ():
            if isinstance(coding, dict) and isinstance(coding.get("code"), str):
                values |= {name: str(coding[name]) for name in ("system", "code") if name in coding}
                break
    return values
