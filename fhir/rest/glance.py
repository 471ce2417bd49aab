"""What a transaction's entries read: resources, their versions, searches, as they are once its writes have taken effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.fault import Fault, Kind
from engine.types import Connection
from fhir.rest.answer import Answer, versioned
from fhir.rest.call import ID, TYPES, Call
from fhir.rest.entries import Entry
from fhir.rest.read import absent, gone, single
from fhir.rest.search import bundle as searchset
from fhir.rest.server import answered
from fhir.search.compartments import member
from fhir.search.find import find
from fhir.search.query import read as understood
from fhir.store.sql import sql
from fhir.store.types import uuid_of

UNREAD = Fault(
    Kind.INCORRECT, "E575", "a transaction reads resources, their versions and searches", "", "send it in a batch, or alone"
)


def readable(call: Call) -> bool:
    """Whether a transaction reads this: `Type/id`, `Type/id/_history/version`, `Type?…`, `Owner/id/Type?…`."""
    path = call.path
    if not call.type or (len(path) > 1 and not ID.fullmatch(path[1])):
        return False
    return len(path) < 3 or (len(path) == 3 and path[2] in TYPES) or (len(path) == 4 and path[2] == "_history")


def look(connection: Connection, entry: Entry) -> Answer | Fault:
    """The answer to an entry that reads."""
    call = entry.call
    if len(call.path) in (2, 4):
        return version(connection, call)
    type = call.path[-1]
    query = understood(type, call.params, call.base)
    if isinstance(query, Fault):
        return query
    if len(call.path) == 3:
        where = member(call.path[0], call.path[1], type)
        if where is None:
            return UNREAD
        query = replace(query, wheres=(*query.wheres, where))
    page = answered(connection, find(query, call.base))
    return page if isinstance(page, Fault) else Answer(200, searchset(call, query, page))


def version(connection: Connection, call: Call) -> Answer | Fault:
    """The newest version of a resource, or the one named; nothing to a client that has it."""
    type, id = call.path[:2]
    text = call.path[3] if len(call.path) == 4 else ""
    asked = {"key": uuid_of(type, id), "version": int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1}
    row = connection.execute(sql("vread"), asked).fetchone() if text else stored(connection, type, id)
    if row is None or row[2]:
        return gone(f"{type}/{id}") if row else absent(f"{type}/{id}")
    return single(call, type, id, [row])


def shown(connection: Connection, entry: Entry) -> Answer | Fault:
    """The resource that an entry found instead of creating it, or that it patched."""
    type, id = entry.call.type, entry.id
    row = stored(connection, type, id)
    if row is None or row[2]:
        return absent(f"{type}/{id}")
    headers = {**versioned(row[0], row[1]), "Location": f"{entry.call.base}/{type}/{id}/_history/{row[0]}"}
    return Answer(200, row[3].encode(), headers, type, id, row[0])


def stored(connection: Connection, type: str, id: str) -> Any:
    """The newest version's row."""
    return connection.execute(sql("read"), (uuid_of(type, id),)).fetchone()
