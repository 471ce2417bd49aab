"""Events as they were kept: for those who ask again, and for sockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from engine.types import Connection
from fhir import encode
from fhir.store.types import NAMES, key_of
from fhir.subscribe.bundle import Event
from fhir.subscribe.sql import sql

MOST = 100  # events read at once


def missed(connection: Connection, num: int, bodies: bool) -> Iterator[list[Event]]:
    """The events since a Subscription's handshake was sent, in pieces, on a connection that waits."""
    first, last = connection.execute("select since + 1, events from fhir.subscription where num = %s", [num]).fetchone()
    while first <= last:
        rows = connection.execute(sql("events"), {"num": num, "first": first, "last": last, "limit": MOST}).fetchall()
        found = [Event(number, at, change, NAMES[type], id, version) for number, at, change, type, id, version in rows]
        if not found:
            return
        yield told(found, connection.execute(sql("changed"), versions(found)).fetchall()) if bodies else found
        first = found[-1].number + 1


async def events(connection: Any, num: int, first: int, last: int, bodies: bool, limit: int = MOST) -> list[Event]:
    """Events by number, from `first` to `last`, with the very versions they are about where `bodies` are wanted."""
    asked = {"num": num, "first": first, "last": last, "limit": limit}
    rows = await (await connection.execute(sql("events"), asked)).fetchall()
    found = [Event(number, at, change, NAMES[type], id, version) for number, at, change, type, id, version in rows]
    if not bodies or not found:
        return found
    return told(found, await (await connection.execute(sql("changed"), versions(found))).fetchall())


def versions(found: Sequence[Event]) -> dict[str, Any]:
    """What `changed.sql` is asked for the very versions that events are about."""
    keys = [UUID(bytes=key_of(one.type, one.id)) for one in found]
    return {"keys": keys, "versions": [one.version for one in found], "before": False}


def told(found: Sequence[Event], rows: Sequence[tuple[Any, ...]]) -> list[Event]:
    """Events with their resources."""
    texts = [row[2] for row in rows]
    return [
        Event(one.number, one.at, one.change, one.type, one.id, one.version, encode.trusted(text) if text else None)
        for one, text in zip(found, texts, strict=True)
    ]
