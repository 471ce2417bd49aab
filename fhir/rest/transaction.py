"""Transactions: all entries take effect together or none does. Batches: each for itself.

Order within a transaction: DELETE, POST, PUT and PATCH, GET. References to entries by their full URL, and conditional ones
(`Patient?identifier=…`), become literal. Source: https://hl7.org/fhir/R4/http.html#transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from engine.fault import Fault, Kind
from engine.types import Connection, Written
from fhir.rest.call import ID, TYPES, Call
from fhir.rest.change import match, one
from fhir.rest.effects import answer, changing, written
from fhir.rest.entries import Entry
from fhir.rest.glance import UNREAD, readable
from fhir.rest.links import WHOLE, beside, rewritten, stripped
from fhir.store import Change
from fhir.validate import validate

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
