"""Transactions: all entries take effect together or none does. Batches: each for itself.

Order within a transaction: DELETE, POST, PUT and PATCH, GET. References to entries by their full URL, and conditional ones
(`Patient?identifier=…`), become literal. Source: https://hl7.org/fhir/R4/http.html#transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from engine.fault import Fault, Kind, Refused
from engine.types import Connection, Put, Written
from fhir import encode
from fhir.rest import patch
from fhir.rest.answer import Answer, versioned
from fhir.rest.call import ID, TYPES, Call
from fhir.rest.change import match, one, patched
from fhir.rest.read import absent
from fhir.rest.search import bundle as searchset
from fhir.rest.server import answered
from fhir.search.find import find
from fhir.search.query import read as understood
from fhir.store import Change, Delete, Expect, apply
from fhir.store.content import Content, head, instant
from fhir.store.sql import sql
from fhir.store.types import uuid_of
from fhir.validate import validate

JSON = dict[str, Any]
MAX_ENTRIES = 5000
ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}


@dataclass(slots=True)
class Entry:
    """One entry on its way."""

    place: int
    call: Call
    full_url: str
    id: str = ""
    found: bool = False  # If-None-Exist matched: nothing is created
    written: Written | None = None
    answer: Answer | None = None
    body: JSON | None = None

    @property
    def at(self) -> str:
        """Where it stands, as FHIRPath."""
        return f"Bundle.entry[{self.place}]"


def entries(bundle: JSON, base: str) -> list[Entry] | Fault:
    """The entries of a transaction or batch as calls."""
    rows = bundle.get("entry", [])
    if len(rows) > MAX_ENTRIES:
        return Fault(Kind.INCORRECT, "E575", f"more than {MAX_ENTRIES} entries", "Bundle.entry", "send several Bundles")
    found = []
    for place, row in enumerate(rows):
        call = asked(row, base)
        if isinstance(call, Fault):
            return replace(call, at=f"Bundle.entry[{place}].request")
        found.append(Entry(place, call, row.get("fullUrl", "")))
    return found


HEADERS = {"ifMatch": "if-match", "ifNoneExist": "if-none-exist", "ifNoneMatch": "if-none-match"}


def asked(row: JSON, base: str) -> Call | Fault:
    """One entry's request."""
    request = row.get("request")
    if not request:
        return Fault(Kind.INCORRECT, "E575", "an entry without a request", help="every entry says method and url")
    url = request["url"].removeprefix(f"{base}/").removeprefix("/")
    path, _, query = url.partition("?")
    parts = tuple(part for part in path.split("/") if part)
    if (
        "://" in url.partition("?")[0]
        or ".." in parts
        or (parts and parts[0] not in TYPES and not parts[0].startswith(("_", "$")))
    ):
        return Fault(Kind.INCORRECT, "E575", "a url that is not of this server", help="write it relative: Patient/1")
    headers = {HEADERS[name]: value for name, value in request.items() if name in HEADERS}
    held = row.get("resource")
    if held is not None and held.get("resourceType") == "Binary" and request["method"] == "PATCH":
        return Fault(Kind.UNSUPPORTED, "E555", "patches in a Bundle are FHIRPath Patches", help="send Parameters")
    return Call(
        request["method"], parts, tuple(parse_qsl(query, keep_blank_values=True)) if query else (), headers, b"", held, base
    )


def transaction(rows: Sequence[Entry], new_id: Callable[[], str], base: str) -> Callable[[Connection, datetime], Any]:
    """The work of a transaction inside a writer's savepoint."""

    def work(connection: Connection, at: datetime) -> Fault | list[Entry]:
        order = ordered(rows)
        for step in (placed, resolved, validated):
            fault = step(connection, order, new_id, base)
            if fault is not None:
                return fault
        fault = written(connection, order, at)
        return fault if fault is not None else list(rows)

    return work


def prepared(rows: Sequence[Entry], new_id: Callable[[], str], base: str) -> Sequence[Change] | Fault | None:
    """What the store is asked by a transaction that only writes and need not read first; None for any other.

    Such ones share a commit with what else waits: once it is checked, nothing in it can fail alone.
    """
    if any(row.call.method not in ("POST", "PUT", "DELETE") or row.call.headers or row.call.params for row in rows):
        return None
    if any(len(row.call.path) != (1 if row.call.method == "POST" else 2) or "$" in row.call.path[-1] for row in rows):
        return None
    order = ordered(rows)
    for step in (placed, resolved, validated):
        fault = step(None, order, new_id, base)
        if fault is not None:
            return None if fault is READS else fault
    changes = [changing(entry) for entry in order]
    return next((one for one in changes if isinstance(one, Fault)), None) or [one for one in changes if isinstance(one, Change)]


READS = Fault(Kind.FAULT, "E550", "a transaction that reads first")  # never told


def ordered(rows: Sequence[Entry]) -> list[Entry]:
    """Entries as they take effect."""
    return sorted(rows, key=lambda entry: ORDER.get(entry.call.method, 9))


def finished(rows: Sequence[Entry], results: Sequence[tuple[Written | Fault, datetime]]) -> Sequence[Entry]:
    """The entries of a prepared transaction with what became of them."""
    for entry, (result, at) in zip(ordered(rows), results, strict=True):
        if isinstance(result, Written):
            entry.written = result
            entry.answer = answer(entry, at)
    return rows


def placed(connection: Connection, order: Sequence[Entry], new_id: Callable[[], str], base: str) -> Fault | None:
    """Gives every entry its id: its own, its match's, or a new one. No resource may be written twice."""
    seen: set[tuple[str, str]] = set()
    for entry in order:
        call = entry.call
        if ORDER.get(call.method, 3) == 3:
            continue
        if not call.type or len(call.path) > 2 or (call.method != "DELETE" and call.resource is None):
            return Fault(Kind.INCORRECT, "E575", "an entry without a type or a resource", entry.at)
        found = identity(connection, call, base)
        if isinstance(found, Fault):
            return replace(found, at=entry.at)
        entry.found = bool(found) and call.method == "POST"
        entry.id = found or str((call.resource or {}).get("id") or "") if call.method == "PUT" else found
        entry.id = entry.id or ("" if call.method == "DELETE" else new_id())
        if not ID.fullmatch(entry.id) and entry.id:
            return Fault(Kind.INCORRECT, "E514", "not an id", entry.at)
        if entry.id and (call.type, entry.id) in seen and not entry.found:
            return Fault(Kind.INCORRECT, "E576", "one resource is written by two entries", entry.at, "write it once")
        seen.add((call.type, entry.id))
    return None


def identity(connection: Connection, call: Call, base: str) -> str | Fault:
    """The id an entry names or its condition matches; empty for none."""
    if len(call.path) == 2 and call.method != "POST":
        return call.path[1]
    if call.method == "POST":
        criteria = call.headers.get("if-none-exist", "")
        return one(connection, call.type, criteria, base) if criteria else ""
    return match(connection, call.type, call.params, base)


def resolved(connection: Connection, order: Sequence[Entry], new_id: Callable[[], str], base: str) -> Fault | None:
    """Makes every reference literal."""
    names = {entry.full_url: f"{entry.call.type}/{entry.id}" for entry in order if entry.full_url and entry.id}
    kept: dict[str, str | Fault] = {}

    def literal(text: str) -> str | Fault:
        head_, _, query = text.partition("?")
        if text in names:
            return names[text]
        if query and head_ in TYPES:
            if connection is None:
                return READS
            if text not in kept:
                found = match(connection, head_, parse_qsl(query, keep_blank_values=True), base)
                unmatched = Fault(Kind.CONFLICT, "E572", "a conditional reference matches nothing")
                kept[text] = found if isinstance(found, Fault) else f"{head_}/{found}" if found else unmatched
            return kept[text]
        return text

    for entry in order:
        if entry.call.resource is not None and entry.call.method in ("POST", "PUT"):
            body = rewritten(entry.call.resource, literal)
            if isinstance(body, Fault):
                return body if body is READS else replace(body, at=entry.at)
            entry.body = {**body, "id": entry.id}
    return None


LITERAL = ("reference", "url", "uri", "valueUri", "valueUrl", "valueCanonical")


def rewritten(value: Any, literal: Callable[[str], str | Fault]) -> Any:
    """The same with its references made literal, copied only where one changed; the first Fault met instead."""
    try:
        return linked(value, literal, "")
    except Refused as refused:
        return refused.fault


def linked(value: Any, literal: Callable[[str], str | Fault], name: str) -> Any:
    """As `rewritten`, for what stands under a name; a Fault is raised."""
    kind = type(value)
    if kind is str:
        if name not in LITERAL or not (name == "reference" or value.startswith("urn:")):
            return value
        found = literal(value)
        if isinstance(found, Fault):
            raise Refused(found)
        return found
    if kind is dict:
        changed: JSON = {}
        for key, inner in value.items():
            if type(inner) in HOLDING and (new := linked(inner, literal, key)) is not inner:
                changed[key] = new
        return {**value, **changed} if changed else value
    if kind is list:
        rows = [linked(inner, literal, name) for inner in value]
        return rows if any(new is not old for new, old in zip(rows, value, strict=True)) else value
    return value


HOLDING = (str, dict, list)


def validated(connection: Connection, order: Sequence[Entry], new_id: Callable[[], str], base: str) -> Fault | None:
    """Every resource is right and of the type its address says."""
    for entry in order:
        if entry.body is None or entry.found:
            continue
        if entry.body.get("resourceType") != entry.call.type:
            return Fault(Kind.INCORRECT, "E558", "the resource is of another type than its url", f"{entry.at}.resource")
        faults = validate(entry.body)
        if faults:
            return replace(faults[0], at=f"{entry.at}.resource.{faults[0].at}")
    return None


def written(connection: Connection, order: Sequence[Entry], at: datetime) -> Fault | None:
    """Deletes and writes as one batch, then patches, then reads."""
    changes = [(entry, change) for entry in order if (change := changing(entry)) is not None]
    for _, change in changes:
        if isinstance(change, Fault):
            return change
    results = apply(connection, [change for _, change in changes if not isinstance(change, Fault)], at)
    for (entry, _), result in zip(changes, results, strict=True):
        if isinstance(result, Fault):
            return replace(result, at=entry.at)
        entry.written = result
        entry.answer = answer(entry, at)
    for entry in order:
        if entry.answer is None:
            fault = late(connection, entry, at)
            if fault is not None:
                return replace(fault, at=entry.at)
    return None


def changing(entry: Entry) -> Change | Fault | None:
    """What the store is asked for an entry; None for reads, patches and what is already there."""
    call = entry.call
    version = call.if_match()
    if isinstance(version, Fault):
        return replace(version, at=entry.at)
    if entry.found or call.method not in ("DELETE", "POST", "PUT") or not entry.id or "$" in "".join(call.path):
        return None
    change = Delete(call.type, entry.id) if entry.body is None else Put(entry.body)
    return change if version is None else Expect(change, version)


def answer(entry: Entry, at: datetime) -> Answer:
    """What an entry's write is answered."""
    done = entry.written
    assert done is not None
    headers = versioned(done.version, at)
    if done.change in ("created", "updated"):
        headers["Location"] = f"{entry.call.base}/{done.type}/{done.id}/_history/{done.version}"
    code = 204 if entry.call.method == "DELETE" else 201 if done.change == "created" else 200
    body = b""
    if entry.body is not None and done.change != "unchanged":
        body = Content(entry.body).text(head(done.type, done.id), done.version, instant(at))
    return Answer(code, body, headers, done.type, done.id, done.version)


def late(connection: Connection, entry: Entry, at: datetime) -> Fault | None:
    """Patches, what was found instead of created, and reads."""
    call = entry.call
    if call.method == "PATCH":
        changes = patch.read(call)
        version = call.if_match()
        if isinstance(changes, Fault) or isinstance(version, Fault):
            return changes if isinstance(changes, Fault) else version if isinstance(version, Fault) else None
        done = patched(connection, call.type, entry.id, changes, version, at)
        if isinstance(done, Fault) or isinstance(done[0], Fault):
            return done if isinstance(done, Fault) else done[0] if isinstance(done[0], Fault) else None
        entry.written = done[0]
        entry.answer = answer(entry, at)
        return None
    if call.method == "DELETE":
        entry.answer = Answer(204)
        return None
    if len(call.path) == 2 or entry.found:
        return shown(connection, entry)
    query = understood(call.type, call.params, call.base)
    page = answered(connection, find(query, call.base)) if not isinstance(query, Fault) else query
    if isinstance(page, Fault) or isinstance(query, Fault):
        return page if isinstance(page, Fault) else None
    entry.answer = Answer(200, searchset(call, query, page))
    return None


def shown(connection: Connection, entry: Entry) -> Fault | None:
    """The stored resource of an entry that reads, or that found what it would create."""
    id = entry.id or entry.call.path[1]
    row = connection.execute(sql("read"), (uuid_of(entry.call.type, id),)).fetchone()
    if row is None or row[2]:
        return absent(f"{entry.call.type}/{id}")
    headers = versioned(row[0], row[1])
    if entry.found:
        headers["Location"] = f"{entry.call.base}/{entry.call.type}/{id}/_history/{row[0]}"
    entry.answer = Answer(200, row[3].encode(), headers, entry.call.type, id, row[0])
    return None


@lru_cache(maxsize=256)
def iso(text: str) -> str:
    """A time of HTTP's as FHIR's instant; entries share theirs."""
    return parsedate_to_datetime(text).isoformat().replace("+00:00", "Z")


def response(kind: str, rows: Sequence[tuple[str, Answer]], prefer: str) -> Answer:
    """The Bundle of answers, in the order of the entries."""
    found = []
    for full_url, one_ in rows:
        told: JSON = {"status": str(one_.status)}
        for name, header in (("location", "Location"), ("etag", "ETag")):
            if header in one_.headers:
                told[name] = one_.headers[header]
        if "Last-Modified" in one_.headers:
            told["lastModified"] = iso(one_.headers["Last-Modified"])
        if one_.outcome is not None:
            told["outcome"] = one_.outcome
        url = one_.headers.get("Location", "").partition("/_history/")[0] or full_url
        parts = [b'"fullUrl":' + encode.dumps(url)] if url and one_.type else []
        if one_.body and one_.outcome is None and prefer != "minimal":
            parts.append(b'"resource":' + one_.body)
        parts.append(b'"response":' + encode.dumps(told))
        found.append(b"{" + b",".join(parts) + b"}")
    head_ = encode.dumps({"resourceType": "Bundle", "type": f"{kind}-response"})
    return Answer(200, head_[:-1] + (b',"entry":[' + b",".join(found) + b"]}" if found else b"}"))
