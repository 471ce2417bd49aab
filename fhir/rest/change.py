"""Create, update, delete and patch, plain and by condition: from a call to what the store is asked, and back to an answer.

Source: https://hl7.org/fhir/R4/http.html#ops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from engine.fault import Fault, Kind
from engine.types import Connection, Put, Written
from fhir import encode
from fhir.rest import patch
from fhir.rest.answer import Answer, refused, versioned
from fhir.rest.audit import Keeping
from fhir.rest.call import ID, Call, resource
from fhir.rest.links import relative
from fhir.rest.outcome import fine
from fhir.rest.owned import owned, touched
from fhir.rest.read import absent, gone
from fhir.rest.server import Server, answered
from fhir.search.find import Page, find
from fhir.search.query import RESULT
from fhir.search.query import read as understood
from fhir.store import Change, Delete, Expect, apply
from fhir.store.content import Content, head, instant
from fhir.store.sql import sql
from fhir.store.types import uuid_of
from fhir.validate import validate

JSON = dict[str, Any]
Result = tuple[Written | Fault, datetime]


async def change(server: Server, call: Call) -> Answer:
    """Any writing interaction on a type or a resource."""
    asked = wanted(call, lambda: str(server.new_id()))
    if isinstance(asked, Fault):
        return refused(asked)
    if isinstance(asked, list):
        return refused(asked)
    work, body = asked
    own = None if callable(work) else next((fault for one in work if (fault := touched(one)) is not None), None)
    if own is not None:
        return refused(own)
    result = await server.committer.write(work, call.base, Keeping(call, body) if call.trail is not None else None)
    if isinstance(result, Fault):
        return refused(result)
    written, at = result[0] if isinstance(result, list) else result
    if isinstance(written, Fault):
        return refused(written)
    if isinstance(body, dict) and written.change != "unchanged":
        return changed(call, written, at, body)
    return stored(call, written, await server.newest(written.type, written.id))


Wanted = tuple[Sequence[Change] | Callable[[Connection, datetime], Any], JSON | None]


def wanted(call: Call, new_id: Callable[[], str]) -> Wanted | Fault | list[Fault]:
    """What the store is asked to do, and the body if it is already known."""
    if call.method == "DELETE":
        return deletion(call)
    if call.method == "PATCH":
        return patching(call)
    body = resource(call)
    if isinstance(body, Fault):
        return body
    fault = misplaced(call, body)
    if fault is not None:
        return fault
    if call.resource is not None or call.base.encode() in call.body:
        body = relative(body, call.base)
    faults = validate(body)
    if faults:
        return faults
    if call.method == "POST":
        return creation(call, {**body, "id": new_id()})
    return updating(call, body, new_id)


def misplaced(call: Call, body: JSON) -> Fault | None:
    """Whether the body is another resource than the address says."""
    if body.get("resourceType") != call.type:
        return Fault(
            Kind.INCORRECT, "E558", "the body is of another type than the address", "resourceType", f"send a {call.type}"
        )
    if call.method == "PUT" and len(call.path) == 2:
        if not ID.fullmatch(call.path[1]):
            return Fault(Kind.INCORRECT, "E514", "not an id", f"{call.type}.id", "letters, digits, `-` and `.`, at most 64")
        if body.get("id") != call.path[1]:
            return Fault(Kind.INCORRECT, "E559", "the body has another id than the address", f"{call.type}.id", "send the same")
    return None


def creation(call: Call, body: JSON) -> Wanted | Fault:
    """POST Type; If-None-Exist makes it conditional, and so do criteria in the address, where some clients put them."""
    asked = [pair for pair in call.params if pair[0] not in ("_format", "_pretty", "_summary")]
    criteria = call.headers.get("if-none-exist", "") or urlencode(asked)
    if not criteria and "if-none-exist" not in call.headers:
        return [Put(body)], body

    def work(connection: Connection, at: datetime) -> Result | Fault:
        found = one(connection, call.type, criteria, call.base)
        if isinstance(found, Fault):
            return found
        if found:
            return Written(call.type, found, 0, "unchanged"), at
        return single(connection, Put(body), at)

    return work, body


def updating(call: Call, body: JSON, new_id: Callable[[], str]) -> Wanted | Fault:
    """PUT Type/id, PUT Type?criteria."""
    version = call.if_match()
    if isinstance(version, Fault):
        return version
    if len(call.path) == 2:
        put: Change = Put(body)
        return [put if version is None else Expect(Put(body), version)], body
    criteria = "&".join(f"{name}={value}" for name, value in call.params)
    fresh = new_id()

    def work(connection: Connection, at: datetime) -> Result | Fault:
        found = match(connection, call.type, call.params, call.base)
        if isinstance(found, Fault):
            return found
        named = str(body.get("id") or found or fresh)
        if found and named != found:
            return Fault(Kind.INCORRECT, "E559", "the body has another id than the match", f"{call.type}.id", "leave the id out")
        put = Put({**body, "id": named})
        return single(connection, put if version is None else Expect(put, version), at)

    return (work, None) if criteria else Fault(Kind.CONFLICT, "E573", "no condition", help="name an identifier")


def deletion(call: Call) -> Wanted | Fault:
    """DELETE Type/id, DELETE Type?criteria."""
    version = call.if_match()
    if isinstance(version, Fault):
        return version
    if len(call.path) == 2:
        gone_: Change = Delete(call.type, call.path[1])
        return [gone_ if version is None else Expect(Delete(call.type, call.path[1]), version)], None

    def work(connection: Connection, at: datetime) -> Result | Fault:
        found = match(connection, call.type, call.params, call.base)
        if isinstance(found, Fault):
            return found
        return single(connection, Delete(call.type, found), at) if found else (Written(call.type, "", 0, "unchanged"), at)

    return work, None


def patching(call: Call) -> Wanted | Fault:
    """PATCH Type/id, PATCH Type?criteria."""
    version = call.if_match()
    changes = patch.read(call)
    if isinstance(version, Fault):
        return version
    if isinstance(changes, Fault):
        return changes

    def work(connection: Connection, at: datetime) -> Result | Fault:
        id = call.path[1] if len(call.path) == 2 else match(connection, call.type, call.params, call.base)
        if isinstance(id, Fault):
            return id
        return patched(connection, call.type, id, changes, version, at)

    return work, None


def patched(
    connection: Connection, type: str, id: str, changes: patch.Patch, version: int | None, at: datetime
) -> Result | Fault:
    """Reads, patches, validates and writes in one transaction."""
    own = owned(type, id)
    if own is not None:
        return own
    row = connection.execute(sql("read") + " for update", (uuid_of(type, id),)).fetchone()
    if row is None or row[2]:
        return gone(f"{type}/{id}") if row else absent(f"{type}/{id}")
    if version is not None and version != row[0]:
        return Fault(Kind.CONFLICT, "E571", "another version is the newest one", "If-Match", "read it again, then change it")
    body = changes(encode.trusted(row[3]))
    if isinstance(body, Fault):
        return body
    if body.get("resourceType") != type or body.get("id") != id:
        return Fault(Kind.INCORRECT, "E559", "a patch may not change type or id", f"{type}.id")
    faults = validate(body)
    return faults[0] if faults else single(connection, Put(body), at)


def single(connection: Connection, change: Change, at: datetime) -> Result | Fault:
    """One change in a transaction of its own reading."""
    own = touched(change)
    if own is not None:
        return own
    written = apply(connection, [change], at)[0]
    return written if isinstance(written, Fault) else (written, at)


def one(connection: Connection, type: str, criteria: str, base: str) -> str | Fault:
    """The id that a criteria text matches; empty for none."""
    query = criteria.partition("?")[2] if "?" in criteria else criteria
    return match(connection, type, parse_qsl(query, keep_blank_values=True), base)


def match(connection: Connection, type: str, params: Sequence[tuple[str, str]], base: str) -> str | Fault:
    """The id of the one resource that matches; empty for none, a Fault for many or for no condition at all."""
    query = understood(type, [*params, ("_count", "2")], base, strict=True)
    if isinstance(query, Fault):
        return query
    if not any(telling(name) for name, _ in query.kept):
        return Fault(Kind.CONFLICT, "E573", "the condition selects everything, or nearly", help="name an identifier")
    page = answered(connection, find(query, base))
    if isinstance(page, Fault):
        return page
    assert isinstance(page, Page)
    if len(page.matches) > 1:
        return Fault(Kind.CONFLICT, "E572", "more than one resource matches the condition", help="name an identifier")
    return page.matches[0].id if page.matches else ""


def telling(name: str) -> bool:
    """Whether a parameter says what is meant, not only what is not, or how the answer is to look."""
    return name.partition(":")[0] not in (*RESULT, "_lastUpdated") and not name.endswith((":not", ":missing"))


def changed(call: Call, written: Written, at: datetime, body: JSON) -> Answer:
    """The answer to a write whose body is known."""
    text = Content(body).text(head(written.type, written.id), written.version, instant(at))
    return told(call, written, at, text)


def stored(call: Call, written: Written, rows: list[tuple[Any, ...]]) -> Answer:
    """The answer to a write whose body the store tells."""
    if not rows or rows[0][2] or written.change == "deleted":
        headers = {"ETag": f'W/"{rows[0][0]}"'} if rows else {}
        if call.method != "DELETE":
            return refused(absent(f"{written.type}/{written.id}"))
        return Answer(204, b"", headers, written.type, written.id, rows[0][0] if rows else 0)
    version, updated, _, body = rows[0]
    return told(call, Written(written.type, written.id, version, written.change), updated, body.encode())


def told(call: Call, written: Written, at: datetime, text: bytes) -> Answer:
    """Status, version and place of a written resource, and as much of it as the client prefers."""
    headers = versioned(written.version, at)
    code = 201 if written.change == "created" else 200
    if code == 201:
        headers["Location"] = f"{call.base}/{written.type}/{written.id}/_history/{written.version}"
    prefer = call.prefer("return")
    body = b"" if prefer == "minimal" else text
    if prefer == "OperationOutcome":
        body = encode.dumps(fine(f"{written.type}/{written.id} version {written.version} was {written.change}"))
    return Answer(code, body, headers, written.type, written.id, written.version)
