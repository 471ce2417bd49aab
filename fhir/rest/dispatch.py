"""From a call to the handler that answers it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

from engine.fault import Fault, Kind
from fhir.rest import bundled, capability, coded, convert, derived, message, operations, subscriptions, transaction
from fhir.rest.answer import Answer, refused
from fhir.rest.audit import Keeping, access
from fhir.rest.call import ID, TYPES, Call, Trail, resource
from fhir.rest.change import change, stored
from fhir.rest.entries import Entry, entries
from fhir.rest.everything import all_of, compartment
from fhir.rest.methods import allowed
from fhir.rest.read import all_history, history, read, vread
from fhir.rest.search import search
from fhir.rest.server import Server
from fhir.rest.validating import validating
from fhir.subscribe.desk import desk
from fhir.tables import table
from fhir.validate import validate

OWNERS = frozenset(table("compartments"))


async def dispatch(server: Server, call: Call) -> Answer:
    """Answers a call; every problem is an OperationOutcome."""
    path, method = call.path, "GET" if call.method == "HEAD" else call.method
    taken = allowed(path)
    if taken and call.method not in taken:
        return refused(wrong_method(taken))
    if not path:
        return await bundle(server, call)
    if path == ("metadata",) and method == "GET":
        return Answer(200, capability.statement(call.base, server.version, tuple(sorted(desk(server.site).topics()))))
    if path == ("_history",) and method == "GET":
        return await all_history(server, call)
    if path == ("$process-message",) and method == "POST":
        return await message.process(server.site, call)
    if path == ("$convert",) and method == "POST":
        return await convert.convert(server, call)
    if (path[0], path[-1]) in coded.OPERATIONS and len(path) in (2, 3) and method in ("GET", "POST"):
        return coded.operate(server, call)
    if not call.type:
        return refused(Fault(Kind.NOT_FOUND, "E560", "no resource type of R4", path[0][:64], "see /metadata"))
    if len(path) > 1 and not path[1].startswith(("_", "$")) and not ID.fullmatch(path[1]):
        return refused(Fault(Kind.INCORRECT, "E514", "not an id", f"{call.type}.id", "letters, digits, `-` and `.`, at most 64"))
    return await of_type(server, call, method)


async def of_type(server: Server, call: Call, method: str) -> Answer:
    """A call on a type or one of its resources."""
    path = call.path
    if path[-1] == "$validate" and len(path) in (2, 3):
        return await validating(server, call)
    if path[0] == "Subscription" and path[-1] in subscriptions.OPERATIONS and len(path) in (2, 3) and method in ("GET", "POST"):
        return await subscriptions.operate(server, call)
    if len(path) == 1:
        if method == "GET":
            return await search(server, call)
        return await change(server, call)
    if path[1] == "_search" and method == "POST":
        return await search(server, call)
    if path[1] == "_history" and len(path) == 2 and method == "GET":
        return await all_history(server, call)
    if path == ("Observation", "$lastn") and method in ("GET", "POST"):
        return await operations.given(server, call, operations.last)
    if path[2:] == ("$everything",) and method in ("GET", "POST") and path[0] in ("Patient", "Encounter"):
        return await operations.given(server, call, all_of)
    if len(path) == 3 and path[2] == "*" and path[0] in OWNERS and method == "GET":
        return await compartment(server, call)
    if len(path) == 3 and path[2] in TYPES and method == "GET":
        return await operations.inside(server, call)
    if len(path) == 4 and path[2] in TYPES and path[3] == "_search" and method == "POST":
        return await operations.inside(server, replace(call, path=path[:3]))
    if len(path) == 2 and not path[1].startswith(("_", "$")):
        if method == "GET":
            return await read(server, call)
        own = await derived.own(server, call)
        return refused(own) if own is not None else await change(server, call)
    if path[2:3] == ("_history",) and method == "GET" and len(path) in (3, 4):
        return await (history(server, call) if len(path) == 3 else vread(server, call))
    return refused(Fault(Kind.NOT_FOUND, "E560", "no such interaction", "", "see /metadata"))


def wrong_method(taken: tuple[str, ...]) -> Fault:
    """The fault of a method that an address does not take."""
    return Fault(Kind.INCORRECT, "E553", "this address does not take this method", "", f"it takes {', '.join(taken)}")


async def bundle(server: Server, call: Call) -> Answer:
    """POST of a transaction or batch."""
    body = resource(call)
    if isinstance(body, Fault):
        return refused(body)
    kind = body.get("type")
    if kind == "message":
        return await message.process(server.site, call)
    if body.get("resourceType") != "Bundle" or kind not in ("transaction", "batch"):
        return refused(Fault(Kind.INCORRECT, "E575", "only a Bundle of type transaction or batch is posted here", "Bundle.type"))
    shape = validate({**body, "entry": [without(row) for row in body["entry"]]} if well_formed(body) else body)
    if shape:
        return refused(shape)
    rows = entries(body, call.base)
    if isinstance(rows, Fault):
        return refused(rows)
    prefer = call.prefer("return")
    return await (batch if kind == "batch" else whole)(server, call, rows, prefer)


async def batch(server: Server, call: Call, rows: list[Entry], prefer: str) -> Answer:
    """Each entry for itself, several at once."""
    gate = asyncio.Semaphore(16)
    handling = call.prefer("handling")
    preferred = f"handling={handling}" if handling in ("strict", "lenient") else ""

    async def one(entry: Entry) -> None:
        if entry.fault is not None:
            entry.answer = refused(entry.fault)
            return
        trail = Trail(call.trail.peer) if call.trail is not None else None
        asked = replace(entry.call, headers={**entry.call.headers, "prefer": preferred}, trail=trail)
        async with gate:
            entry.answer = await dispatch(server, asked)
        if call.trail is not None and trail is not None and not trail.kept:
            call.trail.more.append(access(asked, entry.answer, trail.peer, server.now()))

    await asyncio.gather(*(one(entry) for entry in rows))
    return bundled.response("batch", rows, prefer)


async def whole(server: Server, call: Call, rows: list[Entry], prefer: str) -> Answer:
    """All entries or none."""
    if call.trail is not None:
        call.trail.interaction = "transaction"
    for entry in rows:
        own = await derived.own(server, entry.call) if entry.call.type in derived.RENDERED else None
        if own is not None:
            return refused(replace(own, at=entry.at))
    changes = transaction.prepared(rows, lambda: str(server.new_id()), call.base)
    if isinstance(changes, Fault):
        return refused(changes)
    if changes is None:
        work = transaction.transaction(rows, lambda: str(server.new_id()), call.base)
        done = await server.committer.write(work, call.base, Keeping(call) if call.trail is not None else None)
    else:
        ended = partial(transaction.finished, rows)
        done = await server.committer.write(changes, call.base, Keeping(call, ended=ended) if call.trail is not None else None)
        done = done if isinstance(done, Fault) else ended(done)
    if isinstance(done, Fault):
        return refused(done)
    for entry in done:
        if entry.written is not None and entry.written.change == "unchanged" and entry.call.method == "PUT":
            entry.answer = stored(entry.call, entry.written, await server.newest(entry.written.type, entry.written.id))
    return bundled.response("transaction", done, prefer)


def well_formed(body: dict[str, Any]) -> bool:
    """Whether the entries are objects at all, so that their resources can be looked at apart."""
    rows = body.get("entry")
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, dict) for row in rows)


def without(row: dict[str, Any]) -> dict[str, Any]:
    """An entry without its resource: that is checked when its references are literal."""
    return {name: value for name, value in row.items() if name != "resource"} or row
