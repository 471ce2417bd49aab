"""Read, vread and history of one resource, type or system."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from engine.fault import Fault, Kind
from fhir import encode
from fhir.rest import derived
from fhir.rest.answer import Answer, refused, versioned
from fhir.rest.call import Call
from fhir.rest.server import Server
from fhir.rest.shape import part, shaped
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
    rows = await server.rows(sql("vread"), {"key": uuid_of(type, id), "version": version})
    if not rows and version == 1 and type in derived.TYPES:
        rows = await derived.one(server, type, id)
    return single(call, type, id, rows)


def single(call: Call, type: str, id: str, rows: list[tuple[Any, ...]]) -> Answer:
    """One version, not sent again to a client that has it."""
    if not rows:
        return refused(absent(f"{type}/{id}"))
    version, updated, deleted, body = rows[0]
    headers = versioned(version, updated)
    if deleted:
        answer = refused(gone(f"{type}/{id}"))
        return Answer(answer.status, answer.body, headers, outcome=answer.outcome)
    if known(call.headers.get("if-none-match", ""), version) or unchanged(call, updated):
        return Answer(304, b"", headers)
    if call.params:
        wanted = shaped(call.params)
        if isinstance(wanted, Fault):
            return refused(wanted)
        body = encode.dumps(part(encode.trusted(body), *wanted)).decode() if any(wanted) else body
    return Answer(200, body.encode(), headers, type, id, version)


def known(text: str, version: int) -> bool:
    """Whether a client has this version: by any of its tags, compared weakly, or by `*` (RFC 9110 section 13.1.2)."""
    return text.strip() == "*" or str(version) in re.findall(r'(?:W/)?"([0-9]{1,9})"', text)


def unchanged(call: Call, updated: datetime) -> bool:
    """Whether the client has seen this version, by its clock."""
    try:
        seen = parsedate_to_datetime(call.headers["if-modified-since"])
    except (KeyError, ValueError, TypeError):
        return False
    return seen.tzinfo is not None and updated.replace(microsecond=0) <= seen


@dataclass(frozen=True, slots=True)
class Span:
    """What part of a history is asked for: how many, since when, current within [first, last], and the place of the page."""

    count: int = COUNT
    since: datetime | None = None
    first: datetime | None = None
    last: datetime | None = None
    page: str = ""


async def history(server: Server, call: Call) -> Answer:
    """GET Type/id/_history: every version, newest first, in pages."""
    type, id = call.path[0], call.path[1]
    asked = limits(call)
    if isinstance(asked, Fault):
        return refused(asked)
    narrow = asked.since is not None or asked.last is not None
    values = {
        "key": uuid_of(type, id),
        "before": min(int(asked.page), NEWEST) if asked.page else NEWEST,
        "since": asked.since,
        "first": asked.first,
        "last": asked.last,
        "limit": asked.count + 1,
    }
    rows = await server.rows(sql("history"), values)
    if not rows and not asked.page and not narrow:
        if type not in derived.TYPES or not (rows := await derived.one(server, type, id)):
            return refused(absent(f"{type}/{id}"))
        return bundle(call, [entry(call.base, type, id, *rows[0])], 1, "")
    entries = [entry(call.base, type, id, *row) for row in rows[: asked.count]]
    total = None if narrow else (await server.rows(sql("versions"), {"key": uuid_of(type, id)}))[0][0]
    following = str(rows[asked.count - 1][0]) if len(rows) > asked.count else ""
    return bundle(call, entries, total, following)


async def all_history(server: Server, call: Call) -> Answer:
    """GET Type/_history and _history: what changed, newest first; a page begins after the very version that ended the one before."""
    asked = limits(call)
    if isinstance(asked, Fault):
        return refused(asked)
    micros, key, version = asked.page.split("-") if asked.page else (str(FOREVER), "0" * 32, "0")
    values = {
        "type": CODES.get(call.type),
        "since": asked.since or EPOCH,
        "first": asked.first,
        "last": asked.last or EPOCH + timedelta(microseconds=FOREVER),
        "until": EPOCH + timedelta(microseconds=min(int(micros), FOREVER)),
        "key": UUID(key),
        "version": int(version),
        "limit": asked.count + 1,
    }
    rows = await server.rows(sql("changes"), values)
    if call.type in ("AuditEvent", "Provenance"):
        rows = sorted([*rows, *await derived.changes(server, call.type, values)], key=itemgetter(3, 6, 2), reverse=True)
        rows = rows[: asked.count + 1]
    entries = [entry(call.base, NAMES[row[0]], *row[1:6]) for row in rows[: asked.count]]
    following = ""
    if len(rows) > asked.count:
        last = rows[asked.count - 1]
        following = f"{(last[3] - EPOCH) // timedelta(microseconds=1)}-{last[6].hex}-{last[2]}"
    return bundle(call, entries, None, following)


FOREVER = 250_000_000_000_000_000  # microseconds: the year 9892
PAGES = {True: re.compile(r"[0-9]{1,18}"), False: re.compile(r"[0-9]{1,18}-[0-9a-f]{32}-[0-9]{1,9}")}


def limits(call: Call) -> Span | Fault:
    """What part is asked for."""
    found = Span()
    for name, value in call.params:
        if not value:
            continue
        if name == "_count":
            if not re.fullmatch(r"[0-9]{1,18}", value):
                return Fault(Kind.INCORRECT, "E562", "not a number", name)
            found = replace(found, count=max(1, min(int(value), MOST)))
        elif name == "_page":
            if not PAGES[len(call.path) > 2].fullmatch(value):
                return Fault(Kind.INCORRECT, "E565", "the page link is not one of this server's", name, "begin again")
            found = replace(found, page=value)
        elif name in ("_since", "_at"):
            covered = period(value)
            if covered is None or not -(10**15) < covered[0] < 10**17:
                return Fault(Kind.INCORRECT, "E562", "not an instant", name)
            first, last = (EPOCH + timedelta(microseconds=edge) for edge in covered)
            found = replace(found, since=first) if name == "_since" else replace(found, first=first, last=last)
    return found


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
    kept = [(name, value) for name, value in call.params if name in ("_count", "_since", "_at")]
    first = url + ("?" + urlencode(kept) if kept else "")
    page = next((value for name, value in call.params if name == "_page" and value), "")
    links = [{"relation": "self", "url": url + "?" + urlencode([*kept, ("_page", page)]) if page else first}]
    if page:
        links.append({"relation": "first", "url": first})
    if following:
        links.append({"relation": "next", "url": url + "?" + urlencode([*kept, ("_page", following)])})
    head = {"resourceType": "Bundle", "type": "history", **({} if total is None else {"total": total}), "link": links}
    body = encode.dumps(head)
    if entries:
        body = body[:-1] + b',"entry":[' + b",".join(entries) + b"]}"
    return Answer(200, body)
