"""Read, vread and history of one resource, type or system."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode
from fhir.rest import derived
from fhir.rest.answer import Answer, refused, versioned
from fhir.rest.call import Call
from fhir.rest.server import Server
from fhir.search.values import EPOCH, period
from fhir.store.sql import sql
from fhir.store.types import CODES, NAMES, uuid_of

NEWEST = 2**31 - 1
COUNT, MOST = 20, 500


def absent(name: str) -> Fault:
    """The fault of a resource that is not here."""
    return Fault(Kind.NOT_FOUND, "E551", "no such resource", name, "check its type and id")


def gone(name: str) -> Fault:
    """The fault of a resource that was deleted."""
    return Fault(Kind.NOT_FOUND, "E552", "the resource was deleted", name, "its history is still here")


async def read(server: Server, call: Call) -> Answer:
    """GET Type/id."""
    type, id = call.path
    rows = await server.newest(type, id)
    if not rows and type in derived.TYPES:
        rows = await derived.one(server, type, id)
    return single(call, type, id, rows)


async def vread(server: Server, call: Call) -> Answer:
    """GET Type/id/_history/version."""
    type, id, _, text = call.path
    version = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
    return single(call, type, id, await server.rows(sql("vread"), {"key": uuid_of(type, id), "version": version}))


def single(call: Call, type: str, id: str, rows: list[tuple[Any, ...]]) -> Answer:
    """One version, not sent again to a client that has it."""
    if not rows:
        return refused(absent(f"{type}/{id}"))
    version, updated, deleted, body = rows[0]
    headers = versioned(version, updated)
    if deleted:
        answer = refused(gone(f"{type}/{id}"))
        return Answer(answer.status, answer.body, headers, outcome=answer.outcome)
    if headers["ETag"] in call.headers.get("if-none-match", "") or unchanged(call, updated):
        return Answer(304, b"", headers)
    return Answer(200, body.encode(), headers, type, id, version)


def unchanged(call: Call, updated: datetime) -> bool:
    """Whether the client has seen this version, by its clock."""
    try:
        seen = parsedate_to_datetime(call.headers["if-modified-since"])
    except (KeyError, ValueError, TypeError):
        return False
    return seen.tzinfo is not None and updated.replace(microsecond=0) <= seen


async def history(server: Server, call: Call) -> Answer:
    """GET Type/id/_history: every version, newest first, in pages."""
    type, id = call.path[0], call.path[1]
    asked = limits(call)
    if isinstance(asked, Fault):
        return refused(asked)
    count, since, before = asked
    first, last = within(call)
    values = {
        "key": uuid_of(type, id),
        "before": before or NEWEST,
        "since": since,
        "first": first,
        "last": last,
        "limit": count + 1,
    }
    rows = await server.rows(sql("history"), values)
    if not rows and before is None and since is None and first is None:
        return refused(absent(f"{type}/{id}"))
    entries = [entry(call.base, type, id, *row) for row in rows[:count]]
    total = (await server.rows(sql("versions"), {"key": uuid_of(type, id)}))[0][0]
    following = str(rows[count - 1][0]) if len(rows) > count else ""
    return bundle(call, entries, total, following)


async def all_history(server: Server, call: Call) -> Answer:
    """GET Type/_history and _history: what changed, newest first."""
    asked = limits(call)
    if isinstance(asked, Fault):
        return refused(asked)
    count, since, before = asked
    until = EPOCH + timedelta(microseconds=before) if before else None
    values = {"type": CODES.get(call.type), "since": since, "until": until, "limit": count + 1}
    rows = await server.rows(sql("changes"), values)
    entries = [entry(call.base, NAMES[row[0]], row[1], *row[2:]) for row in rows[:count]]
    following = ""
    if len(rows) > count:
        following = str((rows[count - 1][3] - EPOCH) // timedelta(microseconds=1))
    return bundle(call, entries, None, following)


def limits(call: Call) -> tuple[int, datetime | None, int | None] | Fault:
    """How many, since when, and before which."""
    count, since, before = COUNT, None, None
    for name, value in call.params:
        if name in ("_count", "_page") and not re.fullmatch(r"[0-9]{1,18}", value):
            return Fault(Kind.INCORRECT, "E562", "not a number", name)
        if name == "_count":
            count = max(1, min(int(value), MOST))
        elif name == "_page":
            before = min(int(value), 2**31 - 1) if len(call.path) > 2 else min(int(value), 4 * 10**15)
        elif name in ("_since", "_at"):
            covered = period(value)
            if covered is None or not -(10**15) < covered[0] < 10**17:
                return Fault(Kind.INCORRECT, "E562", "not an instant", name)
            if name == "_at" and len(call.path) < 3:
                return Fault(Kind.INCORRECT, "E562", "only one resource's history is asked for by `_at`", name, "use _since")
            since = EPOCH + timedelta(microseconds=covered[0]) if name == "_since" else since
    return count, since, before


def within(call: Call) -> tuple[datetime | None, datetime | None]:
    """The time `_at` names, from its first to its last microsecond."""
    covered = period(dict(call.params).get("_at", ""))
    if covered is None:
        return None, None
    first, last = (EPOCH + timedelta(microseconds=edge) for edge in covered)
    return first, last


def entry(base: str, type: str, id: str, version: int, updated: datetime, deleted: bool, body: str) -> bytes:
    """One version as an entry: what was asked for it and what was answered."""
    name = f"{type}/{id}"
    method = "DELETE" if deleted else "POST" if version == 1 else "PUT"
    code = "204" if deleted else "201" if version == 1 else "200"
    stamp = updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {"fullUrl": f"{base}/{name}"}
    request = {"method": method, "url": type if method == "POST" else name}
    response = {"status": code, "etag": f'W/"{version}"', "lastModified": stamp}
    tail = encode.dumps({"request": request, "response": response})[1:]
    resource = b'"resource":' + body.encode() + b"," if body else b""
    return encode.dumps(head)[:-1] + b"," + resource + tail


def bundle(call: Call, entries: list[bytes], total: int | None, following: str) -> Answer:
    """A Bundle of type history."""
    url = f"{call.base}/{'/'.join(call.path)}"
    kept = [f"{name}={value}" for name, value in call.params if name in ("_count", "_since", "_at")]
    links = [{"relation": "self", "url": url + ("?" + "&".join(kept) if kept else "")}]
    if following:
        links.append({"relation": "next", "url": url + "?" + "&".join([*kept, f"_page={following}"])})
    head = {"resourceType": "Bundle", "type": "history", **({} if total is None else {"total": total}), "link": links}
    body = encode.dumps(head)
    if entries:
        body = body[:-1] + b',"entry":[' + b",".join(entries) + b"]}"
    return Answer(200, body)
