"""Events as they were kept: for those who ask again, and for sockets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fhir import encode
from fhir.store.types import NAMES, key_of
from fhir.subscribe.bundle import Event
from fhir.subscribe.sql import sql

MOST = 100  # events read at once


async def events(connection: Any, num: int, first: int, last: int, bodies: bool, limit: int = MOST) -> list[Event]:
    """Events by number, from `first` to `last`, with the very versions they are about where `bodies` are wanted."""
    asked = {"num": num, "first": first, "last": last, "limit": limit}
    rows = await (await connection.execute(sql("events"), asked)).fetchall()
    found = [Event(number, at, change, NAMES[type], id, version) for number, at, change, type, id, version in rows]
    if not bodies or not found:
        return found
    keys = [UUID(bytes=key_of(one.type, one.id)) for one in found]
    wanted = {"keys": keys, "versions": [one.version for one in found], "before": False}
    texts = [row[2] for row in await (await connection.execute(sql("changed"), wanted)).fetchall()]
    return [
        Event(one.number, one.at, one.change, one.type, one.id, one.version, encode.trusted(text) if text else None)
        for one, text in zip(found, texts, strict=True)
    ]
