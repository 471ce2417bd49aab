"""`$everything` of a patient or an encounter, and searches of a whole compartment (`Patient/1/*`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from engine.fault import Fault, Kind
from fhir.rest import derived
from fhir.rest.answer import Answer, refused
from fhir.rest.call import TYPES, Call
from fhir.rest.read import absent, gone
from fhir.rest.search import bundle
from fhir.rest.server import Server
from fhir.search.everything import MOST, Wanted, everything
from fhir.search.query import COUNT, Query, condition, unknown
from fhir.search.values import EPOCH, period
from fhir.search.where import Where

OWN = ("_type", "_since", "start", "end", "_count", "_page")


async def all_of(server: Server, call: Call) -> Answer:
    """GET Patient/1/$everything."""
    owner, id = call.path[:2]
    wanted = asked(call.params)
    if isinstance(wanted, Fault):
        return refused(wanted)
    rows = await server.newest(owner, id)
    if not rows or rows[0][2]:
        return refused(gone(f"{owner}/{id}") if rows else absent(f"{owner}/{id}"))
    page = await server.asked(everything(owner, id, wanted))
    if isinstance(page, Fault):
        return refused(page)
    if (not wanted.types or "Provenance" in wanted.types) and wanted.since is None:
        found = await derived.origins(server, [(one.type, one.id) for one in page.matches])
        page = replace(page, included=(*page.included, *found))
    kept = tuple((name, value) for name, value in call.params if name in OWN and name != "_page" and value)
    return Answer(200, bundle(call, Query(owner, kept=kept, page=place(wanted)), page))


async def compartment(server: Server, call: Call) -> Answer:
    """GET Patient/1/*: `_type`, `_lastUpdated`, `_count`."""
    owner, id = call.path[:2]
    wanted = asked([pair for pair in call.params if pair[0] in ("_type", "_count", "_page")], COUNT)
    if isinstance(wanted, Fault):
        return refused(wanted)
    wheres: list[Where] = []
    ignored: list[str] = []
    for name, value in call.params:
        if name == "_lastUpdated" and value:
            where = condition(owner, name, value, call.base)
            if isinstance(where, Fault):
                return refused(where)
            wheres += [where] if isinstance(where, Where) else []
        elif name not in ("_type", "_count", "_page", "_format", "_pretty"):
            if call.prefer("handling") == "strict":
                return refused(unknown(owner, name))
            ignored.append(name)
    page = await server.asked(everything(owner, id, replace(wanted, wheres=tuple(wheres), around=False)))
    if isinstance(page, Fault):
        return refused(page)
    kept = tuple(pair for pair in call.params if pair[0] in ("_type", "_lastUpdated", "_count") and pair[1])
    return Answer(200, bundle(call, Query(owner, kept=kept, page=place(wanted), ignored=tuple(ignored)), page))


def place(wanted: Wanted) -> str:
    """The place a page began at; empty for the first."""
    return "" if wanted.page < 0 else str(wanted.page)


def asked(params: Sequence[tuple[str, str]], count: int = MOST) -> Wanted | Fault:
    """What part of it is wanted."""
    found = Wanted(count=count)
    for name, value in params:
        if name not in OWN or not value:
            continue
        if name == "_type":
            types = tuple(value.split(","))
            if not all(one in TYPES for one in types):
                return Fault(Kind.INCORRECT, "E562", "not a type of R4", name, "as in Observation,Condition")
            found = replace(found, types=(*found.types, *types))
        elif name == "_count":
            if not re.fullmatch(r"[0-9]{1,18}", value):
                return Fault(Kind.INCORRECT, "E562", "not a number", name)
            found = replace(found, count=max(1, min(int(value), MOST)))
        elif name == "_page":
            if not re.fullmatch(r"-1|[0-9]{1,18}", value):
                return Fault(Kind.INCORRECT, "E565", "the page link is not one of this server's", name, "begin again")
            found = replace(found, page=max(0, int(value)))
        else:
            covered = period(value)
            if covered is None or not -(10**15) < covered[0] < 10**17:
                return Fault(Kind.INCORRECT, "E562", "not a time", name, "as in 2026-01-31")
            if name == "_since":
                found = replace(found, since=EPOCH + timedelta(microseconds=covered[0]))
            else:
                found = replace(found, first=covered[0]) if name == "start" else replace(found, last=covered[1])
    return found
