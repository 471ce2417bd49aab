"""Transactions: all entries take effect together or none does. Batches: each for itself.

Order within a transaction: DELETE, POST, PUT and PATCH, GET. References to entries by their full URL, and conditional ones
(`Patient?identifier=…`), become literal. Source: https://hl7.org/fhir/R4/http.html#transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import parse_qsl

from engine.fault import Fault, Kind
from engine.types import Connection, Put, Written
from fhir import encode
from fhir.rest import patch
from fhir.rest.answer import Answer, versioned
from fhir.rest.call import ID, TYPES, Call
from fhir.rest.change import match, one, patched
from fhir.rest.entries import Entry
from fhir.rest.glance import UNREAD, look, readable, shown
from fhir.rest.links import WHOLE, beside, rewritten, stripped
from fhir.rest.outcome import fine
from fhir.rest.owned import owned
from fhir.store import Change, Delete, Expect, apply
from fhir.store.content import Content, head, instant
from fhir.validate import validate

JSON = dict[str, Any]
ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}


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
    urls: set[str] = set()
    wanted: dict[tuple[str, str], str] = {}  # what is to be created unless it is there, by its criteria
    for entry in order:
        fault = entry.fault or misplaced(entry, urls)
        if fault is not None:
            return fault
        call = entry.call
        if entry.reads:
            continue
        criteria = call.headers.get("if-none-exist", "") if call.method == "POST" else ""
        found = wanted.get((call.type, criteria)) or identity(connection, call, base)
        if isinstance(found, Fault):
            return replace(found, at=entry.at)
        entry.found = bool(found) and call.method == "POST"
        own = str((call.resource or {}).get("id") or "") if call.method == "PUT" else ""
        if own and found and own != found:
            return Fault(Kind.INCORRECT, "E559", "the resource has another id than its url", entry.at, "send the same")
        entry.id = found or own or ("" if call.method == "DELETE" else new_id())
        if not ID.fullmatch(entry.id) and entry.id:
            return Fault(Kind.INCORRECT, "E514", "not an id", entry.at)
        if entry.id and (call.type, entry.id) in seen and not entry.found:
            return Fault(Kind.INCORRECT, "E576", "one resource is written by two entries", entry.at, "write it once")
        seen.add((call.type, entry.id))
        if criteria:
            wanted[call.type, criteria] = entry.id
    return None


def misplaced(entry: Entry, urls: set[str]) -> Fault | None:
    """Whether an entry is none that a transaction has, or named as another is."""
    call = entry.call
    if entry.full_url and entry.full_url in urls:
        return Fault(Kind.INCORRECT, "E575", "two entries with one full URL", f"{entry.at}.fullUrl", "name each by its own")
    urls.add(entry.full_url)
    if entry.reads:
        return None if readable(call) else replace(UNREAD, at=f"{entry.at}.request.url")
    if not call.type or len(call.path) > 2 or call.path[-1].startswith(("_", "$")):
        return Fault(Kind.INCORRECT, "E575", "an entry writes to a type or a resource", entry.at, "send operations alone")
    if call.method != "DELETE" and call.resource is None and not call.body:
        return Fault(Kind.INCORRECT, "E575", "an entry without a resource", entry.at)
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
    """Makes every link literal."""
    names = {entry.full_url: f"{entry.call.type}/{entry.id}" for entry in order if entry.full_url and entry.id}
    kept: dict[str, str | Fault] = {}

    def literal(text: str, full_url: str) -> str | Fault:
        found = names.get(text) or beside(text, full_url, names)
        if found:
            return found
        text = stripped(text, f"{base}/")
        head_, _, query = text.partition("?")
        if query and head_ in TYPES:
            if connection is None:
                return READS
            if text not in kept:
                matched = match(connection, head_, parse_qsl(query, keep_blank_values=True), base)
                unmatched = Fault(
                    Kind.CONFLICT, "E582", "a conditional reference matches nothing", help="write what it means first"
                )
                kept[text] = matched if isinstance(matched, Fault) else f"{head_}/{matched}" if matched else unmatched
            return kept[text]
        return text

    for entry in order:
        if entry.call.resource is not None and entry.call.method in ("POST", "PUT"):
            held = entry.call.resource
            whole = held.get("resourceType") in WHOLE
            body = held if whole else rewritten(held, partial(literal, full_url=entry.full_url))
            if isinstance(body, Fault):
                return body if body is READS else replace(body, at=entry.at)
            entry.body = {**body, "id": entry.id}
    return None


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
    own = owned(call.type, entry.id)
    if own is not None:
        return replace(own, at=entry.at)
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
    if call.method == "DELETE":
        entry.answer = Answer(204)
        return None
    found = look(connection, entry) if entry.reads else shown(connection, entry)
    if isinstance(found, Fault):
        return found
    entry.answer = found
    return None


@lru_cache(maxsize=256)
def iso(text: str) -> str:
    """A time of HTTP's as FHIR's instant; entries share theirs."""
    return parsedate_to_datetime(text).isoformat().replace("+00:00", "Z")


def response(kind: str, rows: Sequence[Entry], prefer: str) -> Answer:
    """The Bundle of answers, in the order of the entries."""
    found = []
    for entry in rows:
        one_ = entry.answer or Answer(200)
        told: JSON = {"status": str(one_.status)}
        for name, header in (("location", "Location"), ("etag", "ETag")):
            if header in one_.headers:
                told[name] = one_.headers[header]
        if "Last-Modified" in one_.headers:
            told["lastModified"] = iso(one_.headers["Last-Modified"])
        if one_.outcome is not None:
            told["outcome"] = one_.outcome
        elif prefer == "OperationOutcome" and not entry.reads:
            told["outcome"] = fine(f"{one_.type}/{one_.id} version {one_.version}" if one_.type else "done")
        url = one_.headers.get("Location", "").partition("/_history/")[0] or entry.full_url
        parts = [b'"fullUrl":' + encode.dumps(url)] if url and one_.type else []
        if one_.body and one_.outcome is None and (entry.reads or prefer not in ("minimal", "OperationOutcome")):
            parts.append(b'"resource":' + one_.body)
        parts.append(b'"response":' + encode.dumps(told))
        found.append(b"{" + b",".join(parts) + b"}")
    head_ = encode.dumps({"resourceType": "Bundle", "type": f"{kind}-response"})
    return Answer(200, head_[:-1] + (b',"entry":[' + b",".join(found) + b"]}" if found else b"}"))
