"""Where resources came from: one row for each message that wrote, rendered as a Provenance when somebody asks.

A row's time is the very time its resources' versions carry, so a resource's origins are found without an index over targets.
Source: https://hl7.org/fhir/R4/provenance.html.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.types import JSON, Connection, Origin
from fhir.store import rows
from fhir.store.types import CODES, NAMES, key_named

ROLE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
PREFIX = "origin-"  # of the ids: origin-12
MOST_TARGETS = 500
COLUMNS = "at, message, channel, type, sender, control_id, plan, keys"
HEAD = struct.Struct("!hiqi16s")
UUID = 2950  # PostgreSQL's number of the type
SIXTEEN = b"\x00\x00\x00\x10"
NO_KEYS = struct.pack("!iiii", 12, 0, 0, UUID)


def record(connection: Connection, origins: Sequence[Origin], at: datetime) -> None:
    """Writes a batch's rows inside the caller's transaction."""
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as the store tells it
    moment = rows.microseconds(at)
    with connection.cursor() as cursor:
        rows.copy(cursor, f"fhir.origin ({COLUMNS})", [packed(one, moment) for one in origins])


def packed(one: Origin, moment: int) -> bytes:
    """One row in PostgreSQL's binary COPY form, in the order of COLUMNS."""
    told = one.message.envelope
    texts = [
        text.replace("\x00", "").encode() for text in (one.message.channel, told.type, told.sender, told.control_id, one.plan)
    ]
    keys = [key_named(name) for name in one.resources if name.partition("/")[0] in CODES]
    return b"".join(
        (
            HEAD.pack(8, 8, moment, 16, one.message.id.bytes),
            *[part for text in texts for part in (rows.LENGTH.pack(len(text)), text)],
            rows.ARRAY.pack(20 + 20 * len(keys), 1, 0, UUID, len(keys), 1) if keys else NO_KEYS,
            *[part for key in keys for part in (SIXTEEN, key)],
        )
    )


def provenance(row: Sequence[Any]) -> JSON:
    """A row of `origins.sql` as a resource."""
    num, at, message, channel, type, sender, control_id, plan, types, ids = row
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    names = dict.fromkeys(f"{NAMES[code]}/{id}" for code, id in zip(types, ids, strict=True))
    what: JSON = {"identifier": {"system": "urn:isthmus:message", "value": str(message)}}
    if type or control_id:
        what["display"] = " ".join(filter(None, (type, control_id)))
    agents: list[JSON] = [{"type": role("assembler", "Assembler"), "who": {"display": f"Isthmus, channel {channel}"}}]
    if sender:
        agents.append({"type": role("author", "Author"), "who": {"display": sender}})
    return {
        "resourceType": "Provenance",
        "id": f"{PREFIX}{num}",
        "meta": {"versionId": "1", "lastUpdated": stamp},
        "target": [{"reference": name} for name in names][:MOST_TARGETS],
        "recorded": stamp,
        **({"policy": [f"urn:isthmus:plan:{plan}"]} if plan else {}),
        "agent": agents,
        "entity": [{"role": "source", "what": what}],
    }


def role(code: str, display: str) -> JSON:
    """What an agent did."""
    return {"coding": [{"system": ROLE, "code": code, "display": display}]}
