"""Who asked for what over REST: one compact row an access, rendered as an AuditEvent by the Basic Audit Log Patterns when read.

A row holds what searches need in the form fhir.resource has it, so that both are searched as one (the view fhir.audit), and what
the AuditEvent is made of. Source: https://profiles.ihe.net/ITI/BALP; https://hl7.org/fhir/R4/auditevent.html.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from engine.types import JSON, Connection
from fhir import encode
from fhir.search.entries import Entries
from fhir.search.extract import extractor
from fhir.search.hashing import unique
from fhir.search.values import EPOCH
from fhir.store import rows
from fhir.store.sql import sql

PREFIX = "access-"
COLUMNS = "updated, low, tokens, exact, strings, told"
PEER = "urn:isthmus:peer"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
OBJECT = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
ACTIONS = {"create": "C", "read": "R", "vread": "R", "update": "U", "patch": "U", "delete": "D"}
WHAT = "AuditEvent.entity.what"
PIECE = 20_000


@dataclass(frozen=True, slots=True)
class Access:
    """One access. `patients` are those whose data the answer held, `others` what a transaction met besides."""

    at: datetime
    interaction: str  # read, search-type, …
    status: int
    type: str = ""
    id: str = ""
    query: str = ""
    peer: str = ""
    patients: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def packed(one: Access) -> bytes:
    """An access as a row in PostgreSQL's binary COPY form, in the order of COLUMNS."""
    at = one.at.astimezone(UTC)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    still = standing(one.interaction, outcome(one.status), one.peer)
    met = meeting(bool(one.id or one.others), bool(one.query or not (one.id or one.others)), bool(one.patients))
    named = [unique(f"{WHAT}|{name}") for name in ([f"{one.type}/{one.id}"] if one.id else []) + [*one.others, *one.patients]]
    told = msgspec.json.encode(
        [at.isoformat(), one.interaction, one.status, one.type, one.id.replace("\x00", "")[:64],
         one.query.replace("\x00", "")[:4000], one.peer, one.patients, one.others]
    )  # fmt: skip
    return b"".join(
        (
            b"\x00\x06",
            rows.INT.pack(8, rows.microseconds(at)),
            rows.INT.pack(8, (at - EPOCH) // timedelta(microseconds=1)),
            rows.array(still.tokens + met.tokens + named),
            rows.array(still.exact + met.exact),
            rows.lexemes(still.strings) if still.strings else rows.NULL,
            rows.LENGTH.pack(len(told)),
            told,
        )
    )


@lru_cache(maxsize=4096)
def standing(interaction: str, outcome: str, peer: str) -> Entries:
    """What searches need of all that does not stand in the entities: it comes again and again."""
    return extractor("AuditEvent")({"id": "", **frame(interaction, outcome, peer)})


@lru_cache(maxsize=8)
def meeting(named: bool, asked: bool, people: bool) -> Entries:
    """What searches need of entities of these kinds, but for what they are."""
    held = Access(EPOCH, "", 0, "", "x" if named else "", "x" if asked else "", "", ("x",) if people else ())
    rest = [{name: value for name, value in entity.items() if name != "what"} for entity in entities(held)]
    return extractor("AuditEvent")({"entity": rest})


def record(connection: Connection, found: Sequence[Access]) -> None:
    """Keeps accesses inside the caller's transaction."""
    if found:
        with connection.cursor() as cursor, cursor.copy(COPY) as stream:
            stream.write(copied(found))


COPY = f"copy fhir.access ({COLUMNS}) from stdin (format binary)"


def copied(found: Sequence[Access]) -> bytes:
    """What COPY is sent."""
    return b"".join((rows.HEADER, *[packed(one) for one in found], rows.TRAILER))


def forget(connection: Connection, before: datetime) -> int:
    """Deletes what is older, piece by piece; how many there were."""
    count = 0
    while True:
        done = int(connection.execute(sql("forget_accesses"), {"before": before, "most": PIECE}).rowcount)
        count += done
        if done < PIECE:
            return count


def rendered(id: str, text: str) -> str:
    """A row's `told` as the AuditEvent that is served."""
    at, interaction, status, type, name, query, peer, patients, others = msgspec.json.decode(text)
    one = Access(datetime.fromisoformat(at), interaction, status, type, name, query, peer, tuple(patients), tuple(others))
    stamp = one.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {"resourceType": "AuditEvent", "id": id, "meta": {"versionId": "1", "lastUpdated": stamp}, "recorded": stamp}
    return encode.dumps({**head, **frame(interaction, outcome(status), peer), "entity": entities(one)}).decode()


def outcome(status: int) -> str:
    """How it went, of FHIR's audit-event-outcome."""
    return "0" if status < 400 else "4" if status < 500 else "8"


def frame(interaction: str, outcome: str, peer: str) -> JSON:
    """An AuditEvent without its time and its entities."""
    client: JSON = {"type": coded(DCM, "110153", "Source Role ID"), "requestor": True}
    if peer:
        client["who"] = {"identifier": {"system": PEER, "value": peer}}
        client["network"] = {"address": peer, "type": "2"}
    return {
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "RESTful Operation",
        },
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": interaction}],
        "action": ACTIONS.get(interaction, "E"),
        "outcome": outcome,
        "agent": [
            client,
            {"type": coded(DCM, "110152", "Destination Role ID"), "who": {"display": "Isthmus"}, "requestor": False},
        ],
        "source": {"observer": {"display": "Isthmus"}},
    }


def entities(one: Access) -> list[JSON]:
    """What was asked for, the query as it was sent, and whose data it was."""
    named = ([f"{one.type}/{one.id}"] if one.id else []) + list(one.others)
    found: list[JSON] = [
        {"what": {"reference": name}, "type": kind("2", "System Object"), "role": role("4", "Domain Resource")} for name in named
    ]
    if one.query or not named:
        text = base64.b64encode(f"{one.type}?{one.query}".encode()).decode()
        found.append({"type": kind("2", "System Object"), "role": role("24", "Query"), "query": text})
    return found + [
        {"what": {"reference": name}, "type": kind("1", "Person"), "role": role("1", "Patient")} for name in one.patients
    ]


def kind(code: str, display: str) -> JSON:
    """An entity's type."""
    return {"system": OBJECT, "code": code, "display": display}


def role(code: str, display: str) -> JSON:
    """An entity's role."""
    return {"system": ROLES, "code": code, "display": display}


def coded(system: str, code: str, display: str) -> JSON:
    """A concept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}]}
