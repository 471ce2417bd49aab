"""Looks into the store for the engine's own verbs and alerts; REST has its own way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from engine.types import JSON, Connection
from fhir.encode import loads
from fhir.store.sql import sql
from fhir.store.types import CODES, NAMES, uuid_of


def counts(connection: Connection) -> dict[str, int]:
    """How many resources of each type there are now."""
    return {NAMES[type]: count for type, count in connection.execute(sql("counts")).fetchall()}


def newest(connection: Connection, type: str) -> str | None:
    """The newest resource of a type as it is served."""
    row = connection.execute(sql("newest"), {"type": CODES[type]}).fetchone()
    return str(row[0]) if row else None


def since(connection: Connection, type: str, moment: datetime) -> Iterator[tuple[JSON, datetime]]:
    """The resources of a type that are about a time since a moment, or were written since, each with when it was written.

    They are read piece by piece inside a transaction of their own, whatever their number.
    """
    if type not in CODES:
        return
    asked = {"type": CODES[type], "since": moment, "micros": int(moment.timestamp() * 1_000_000)}
    with connection.transaction(), connection.cursor("resources_since") as cursor:  # a cursor of the server
        cursor.itersize = 500
        for body, updated in cursor.execute(sql("since"), asked):
            found = loads(body.encode())
            if isinstance(found, dict):
                yield found, updated


def bodies(connection: Connection, names: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], JSON]:
    """The current resources of these (type, id); those that are not there, and references to no type, are left out."""
    keys: dict[UUID, tuple[str, str]] = {uuid_of(type, id): (type, id) for type, id in names if type in CODES}
    rows = connection.execute(sql("bodies_now"), {"keys": list(keys)}).fetchall()
    found = {keys[key]: loads(body.encode()) for key, body in rows}
    return {name: body for name, body in found.items() if isinstance(body, dict)}
