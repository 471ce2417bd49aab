"""Resources that are rendered when they are asked for: the Provenance of messages, the AuditEvents of accesses, the topics deployed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from engine.fault import Fault
from fhir import encode
from fhir import terminology as terms
from fhir.rest import provenances, terminology
from fhir.rest.call import Call
from fhir.rest.owned import OWN
from fhir.rest.server import Server
from fhir.search.find import Found, Page
from fhir.search.query import Query
from fhir.store import access, origin
from fhir.store.sql import sql
from fhir.store.types import CODES, uuid_of
from fhir.subscribe.basic import CODE, basics
from fhir.subscribe.topic import Topic

TYPES = ("Provenance", "AuditEvent", "Basic", *terms.TYPES)
RENDERED = ("Basic", *terms.TYPES)
TOPICS = ("code", "_id", "_count", "_sort", "_total", "_summary", "_format")  # what topics are searched by


async def one(server: Server, type: str, id: str) -> list[tuple[Any, ...]]:
    """The row of such a resource, as the store would give it: version, updated, deleted, body; empty when there is none."""
    if type in terms.TYPES:
        return terminology.one(server, type, id)
    if type == "Basic":
        return [(1, server.now(), False, encode.dumps(body).decode()) for body in basics(topics(server)) if body["id"] == id]
    known = origin.PREFIX if type == "Provenance" else access.PREFIX
    number = id.removeprefix(known)
    if not id.startswith(known) or not re.fullmatch(r"[1-9][0-9]{0,17}", number):
        return []
    if type == "Provenance":
        rows = await server.rows(sql("origins"), {"nums": [int(number)], "keys": []})
        return [(1, row[1], False, encode.dumps(origin.provenance(row)).decode()) for row in rows]
    rows = await server.rows(sql("access"), {"num": int(number)})
    return [(1, row[0], False, access.rendered(id, row[1])) for row in rows]


async def changes(server: Server, type: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What a type's history has besides the store's rows: (type, id, version, updated, deleted, body, key), newest first."""
    if type == "AuditEvent":
        rows = await server.rows(sql("accesses_changed"), values)
        return [(CODES[type], id, version, at, gone, access.rendered(id, told), key) for id, version, at, gone, told, key in rows]
    if type != "Provenance":
        return []
    rows = await server.rows(sql("origins_changed"), values)
    made = {one.id: one.body for one in await provenances.rendered(server, [int(row[4]) for row in rows[: provenances.MOST]])}
    return [(CODES[type], *row[:4], made[row[0]], row[5]) for row in rows if row[0] in made]


async def own(server: Server, call: Call) -> Fault | None:
    """Whether a call would write a table or a topic that is deployed, which would then be two things."""
    if call.type not in RENDERED or len(call.path) != 2 or call.method not in ("PUT", "PATCH", "DELETE"):
        return None
    rendered = await one(server, call.type, call.path[1])
    return OWN if rendered and not await server.newest(call.type, call.path[1]) else None


async def origins(server: Server, names: Sequence[tuple[str, str]]) -> list[Found]:
    """The Provenances of some resources."""
    keys: list[UUID] = [uuid_of(type, id) for type, id in names if type in CODES]
    rows = await server.rows(sql("origins"), {"nums": [], "keys": keys}) if keys else []
    made = [origin.provenance(row) for row in rows]
    return [Found("Provenance", body["id"], 1, encode.dumps(body).decode()) for body in made]


async def joined(server: Server, query: Query, page: Page) -> Page:
    """A page with what is rendered for it: tables, topics, the Provenances of what it holds by `_revinclude`."""
    if query.type == "Basic":
        return told_of(server, query, page)
    if query.type in terms.TYPES:
        return terminology.joined(server, query, page)
    if page.matches and any(one.reverse and one.type == "Provenance" and one.name in ("target", "*") for one in query.includes):
        found = await origins(server, [(match.type, match.id) for match in page.matches])
        return replace(page, included=(*page.included, *found))
    return page


def topics(server: Server) -> Mapping[str, Topic]:
    """The topics of Subscriptions, by file."""
    folders: Any = server.site.settings.get("folders")
    found: Mapping[str, Topic] = folders("topics") if folders is not None else {}
    return found


def told_of(server: Server, query: Query, page: Page) -> Page:
    """The first page with the topics that fit; those who ask by anything else see what is stored only."""
    if query.page or any(name not in TOPICS for name, _ in query.kept):
        return page
    codes = {one.rpartition("|")[2] for name, value in query.kept if name == "code" for one in value.split(",")}
    ids = {one for name, value in query.kept if name == "_id" for one in value.split(",")}
    found = [body for body in basics(topics(server)) if (not codes or CODE in codes) and (not ids or body["id"] in ids)]
    rows = [Found("Basic", body["id"], 1, encode.dumps(body).decode()) for body in found]
    total = None if page.total is None else page.total + len(rows)
    return replace(page, matches=() if query.summary == "count" else (*rows, *page.matches), total=total)
