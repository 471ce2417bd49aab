"""A Subscription that was written takes effect in the transaction that writes it, or is refused with it.

`requested` becomes `active`: at once, or, for a rest-hook of the backport, once its endpoint has taken the handshake.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.fault import Fault, Kind, Refused
from engine.types import Connection, Parcel, Put, Written
from fhir import encode
from fhir.store import apply
from fhir.store.types import key_of
from fhir.subscribe.asked import Asked, understand
from fhir.subscribe.desk import Desk, Wake
from fhir.subscribe.parcels import signal
from fhir.subscribe.sql import sql

JSON = dict[str, Any]
MOST = 500  # Subscriptions in force
COUNT = "select count(*) from fhir.subscription where state in ('requested', 'active', 'error')"
FULL = Fault(Kind.BUSY, "E596", f"this server serves {MOST} Subscriptions, and has as many", help="delete one that is not needed")
SILENT = Fault(
    Kind.UNSUPPORTED, "E591", "this server has no outbox to tell an endpoint from", "Subscription.channel.type", "use websocket"
)


def settle(desk: Desk, connection: Connection, written: Sequence[Written], base: str) -> list[Wake | None]:
    """Brings rows and states to what was written; raises Refused where it cannot be served, which undoes the write.

    What it returns is to be called once the transaction is committed.
    """
    calls: list[Wake | None] = []
    for one in written:
        key = UUID(bytes=key_of(one.type, one.id))
        if one.change == "deleted":
            moved(connection, key, "gone")
        elif one.change in ("created", "updated"):
            calls.append(taken(desk, connection, one, key, base))
    return calls


def taken(desk: Desk, connection: Connection, one: Written, key: UUID, base: str) -> Wake | None:
    """One that is to be served, or served otherwise than before."""
    at, text = connection.execute("select updated, body from fhir.resource where key = %s", [key]).fetchone()
    body = encode.trusted(text)
    if body["meta"]["versionId"] != str(one.version):
        return None  # a later version in the same transaction speaks for itself
    asked = understand(body, desk.topics(), desk.allowed, base)
    if isinstance(asked, Fault):
        raise Refused(asked)
    if asked.channel == "rest-hook" and desk.site.post is None:
        raise Refused(SILENT)
    row = connection.execute(
        "select state from fhir.subscription where key = %s and state <> 'gone' for update", [key]
    ).fetchone()
    if row is None and connection.execute(COUNT).fetchone()[0] >= MOST:
        raise Refused(FULL)
    state = wanted(asked, row[0] if row else "")
    values = {"key": key, "id": one.id, "base": base, "state": state, "again": state != (row[0] if row else "")}
    num, events = connection.execute(sql("settle"), values).fetchone()
    if state != asked.status:
        marked(connection, body, state, at)
    if state != "requested":
        return None
    return queue(desk, connection, [signal(num, base, asked, "handshake", at, events, str(one.version))])


def wanted(asked: Asked, before: str) -> str:
    """The state that follows from what the client wrote; only the server makes one active."""
    if asked.status in ("off", "error"):
        return asked.status
    if asked.status == "active" and before == "active":
        return "active"
    return "requested" if asked.topic is not None and asked.channel == "rest-hook" else "active"


def moved(connection: Connection, key: UUID, state: str) -> None:
    """Brings a Subscription's row to another state."""
    connection.execute("update fhir.subscription set state = %s where key = %s and state <> 'gone'", [state, key])


def marked(connection: Connection, body: JSON, state: str, at: datetime, error: str = "") -> None:
    """Writes the Subscription's new state as its next version."""
    rest = {name: value for name, value in body.items() if name not in ("error", "_error", "_status")}
    if error:
        rest["error"] = error
    apply(connection, [Put({**rest, "status": state})], at)


def queue(desk: Desk, connection: Connection, parcels: Sequence[Parcel]) -> Wake | None:
    """Hands parcels to the outbox; a courier finds them within a second when nobody wakes it."""
    return desk.site.post(connection, parcels) if desk.site.post is not None else None
