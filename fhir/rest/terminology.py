"""The mapping tables read and searched as ConceptMap, CodeSystem and ValueSet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fhir import encode, terminology
from fhir.rest.server import Server
from fhir.search.find import Found, Page
from fhir.search.query import Query

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
