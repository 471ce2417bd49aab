"""A transaction's entries take effect: what the store is asked for each, and what each is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.fault import Fault
from engine.types import Connection, Put
from fhir.rest import patch
from fhir.rest.answer import Answer, versioned
from fhir.rest.change import patched
from fhir.rest.entries import Entry
from fhir.rest.glance import look, shown
from fhir.rest.owned import owned
from fhir.store import Change, Delete, Expect, apply
from fhir.store.content import Content, head, instant


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
