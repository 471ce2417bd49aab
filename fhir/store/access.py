"""Who asked for what over REST: one narrow row an access, rendered as an AuditEvent by the Basic Audit Log Patterns when asked for.

Source: https://profiles.ihe.net/ITI/BALP (read, create, update, delete, query); https://hl7.org/fhir/R4/auditevent.html.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.types import JSON
from fhir import encode
from fhir.search.find import Found, Page
from fhir.search.query import Query
from fhir.search.values import EPOCH, period
from fhir.store.sql import sql

PREFIX = "access-"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
OBJECT = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
ACTIONS = {"create": "C", "read": "R", "vread": "R", "update": "U", "patch": "U", "delete": "D"}
KNOWN = ("patient", "date", "action", "subtype", "entity", "_count", "_sort", "_format", "_total", "_summary", "_pretty")
Rows = Callable[[str, Any], Awaitable[list[tuple[Any, ...]]]]


@dataclass(frozen=True, slots=True)
class Access:
    """One access. `patients` are those whose data the answer held."""

    at: datetime
    interaction: str  # read, search-type, …
    status: int
    type: str = ""
    id: str = ""
    query: str = ""
    peer: str = ""
    patients: tuple[str, ...] = ()


def columns(found: Sequence[Access]) -> dict[str, list[Any]]:
    """The arrays `accessed.sql` takes."""
    return {
        "ats": [one.at for one in found],
        "interactions": [one.interaction for one in found],
        "statuses": [one.status for one in found],
        "types": [one.type for one in found],
        "ids": [one.id.replace("\x00", "")[:64] for one in found],
        "queries": [one.query.replace("\x00", "")[:4000] for one in found],
        "peers": [one.peer for one in found],
        "patients": [",".join(one.patients) for one in found],
    }


def audit_event(row: Sequence[Any]) -> JSON:
    """A row of `access.sql` as a resource."""
    num, at, interaction, status, type, id, query, peer, patients = row
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    client: JSON = {"type": coded(DCM, "110153", "Source Role ID"), "requestor": True}
    if peer:
        client["network"] = {"address": peer, "type": "2"}
    return {
        "resourceType": "AuditEvent",
        "id": f"{PREFIX}{num}",
        "meta": {"versionId": "1", "lastUpdated": stamp},
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "RESTful Operation",
        },
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": interaction}],
        "action": ACTIONS.get(interaction, "E"),
        "recorded": stamp,
        "outcome": "0" if status < 400 else "4" if status < 500 else "8",
        "agent": [
            client,
            {"type": coded(DCM, "110152", "Destination Role ID"), "who": {"display": "Isthmus"}, "requestor": False},
        ],
        "source": {"observer": {"display": "Isthmus"}},
        "entity": entities(type, id, query, patients),
    }


def entities(type: str, id: str, query: str, patients: Sequence[str]) -> list[JSON]:
    """What was asked for, the query as it was sent, and whose data it was."""
    found: list[JSON] = []
    if id:
        what = {"reference": f"{type}/{id}"}
        found.append({"what": what, "type": kind("2", "System Object"), "role": role("4", "Domain Resource")})
    if query or not id:
        text = base64.b64encode(f"{type}?{query}".encode()).decode()
        found.append({"type": kind("2", "System Object"), "role": role("24", "Query"), "query": text})
    found += [{"what": {"reference": one}, "type": kind("1", "Person"), "role": role("1", "Patient")} for one in patients]
    return found


def kind(code: str, display: str) -> JSON:
    """An entity's type."""
    return {"system": OBJECT, "code": code, "display": display}


def role(code: str, display: str) -> JSON:
    """An entity's role."""
    return {"system": ROLES, "code": code, "display": display}


def coded(system: str, code: str, display: str) -> JSON:
    """A concept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


async def joined(rows: Rows, query: Query, page: Page) -> Page:
    """A page of AuditEvents with the accesses in it, newest first; stored ones come on the first page."""
    if any(name.partition(":")[0] not in KNOWN for name, _ in query.kept):
        return page
    asked = conditions(query)
    if query.summary == "count":
        number = (await rows(sql("accesses_counted"), asked))[0][0]
        return replace(page, total=(page.total or 0) + number)
    room = max(0, query.count - len(page.matches)) if not page.next else 0
    if not room:
        return page
    held = await rows(sql("accesses"), {**asked, "limit": room})
    made = [audit_event(row) for row in held]
    found = [Found("AuditEvent", body["id"], 1, encode.dumps(body).decode()) for body in made]
    return replace(page, matches=(*page.matches, *found), total=None if len(found) == room else len(page.matches) + len(found))


def conditions(query: Query) -> dict[str, Any]:
    """What accesses are asked for, as values of the statement."""
    asked: dict[str, Any] = dict.fromkeys(("since", "until", "patient", "interactions", "type", "id"))
    for name, value in query.kept:
        if name == "patient":
            asked["patient"] = value if "/" in value else f"Patient/{value}"
        elif name == "date":
            between(asked, value)
        elif name == "action":
            asked["interactions"] = [key for key, action in ACTIONS.items() if action == value.rpartition("|")[2]]
        elif name == "subtype":
            asked["interactions"] = [value.rpartition("|")[2]]
        elif name == "entity":
            asked["type"], _, asked["id"] = value.rpartition("/")
    return asked


def between(asked: dict[str, Any], value: str) -> None:
    """Narrows the time by a date with its prefix."""
    match = re.fullmatch(r"(eq|ge|gt|le|lt)?(.*)", value)
    covered = period(match[2]) if match else None
    if match is None or covered is None:
        return
    first, last = (EPOCH + timedelta(microseconds=min(max(edge, 0), 4 * 10**15)) for edge in covered)
    prefix = match[1] or "eq"
    if prefix in ("eq", "ge", "gt"):
        asked["since"] = last if prefix == "gt" else first
    if prefix in ("eq", "le", "lt"):
        asked["until"] = first if prefix == "lt" else last
