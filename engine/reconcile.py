"""Reconciling: every message received is somewhere, and every parcel too. What is nowhere is said, not hidden in a sum."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from engine.journal.line import Connection
from engine.journal.partitions import first_id

LAST = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class Messages:
    """A channel's messages: received = filtered + held + processed + waiting + lost, and lost is 0."""

    channel: str
    received: int
    filtered: int
    held: int
    processed: int
    waiting: int
    lost: int


@dataclass(frozen=True, slots=True)
class Parcels:
    """A destination's parcels: due = accepted + rejected + waiting + lost, and lost is 0."""

    destination: str
    due: int
    accepted: int
    rejected: int
    waiting: int
    lost: int


def messages(connection: Connection, since: datetime | None = None, until: datetime | None = None) -> list[Messages]:
    """Each channel's messages of a time."""
    asked = {"first": first_id(since) if since else UUID(int=0), "last": first_id(until) if until else LAST}
    return [Messages(*row) for row in connection.execute(_sql("messages"), asked)]


def parcels(connection: Connection, since: datetime | None = None, until: datetime | None = None) -> list[Parcels]:
    """Each destination's parcels of a time."""
    return [Parcels(*row) for row in connection.execute(_sql("parcels"), {"since": since, "until": until})]


@cache
def _sql(name: str) -> str:
    return (Path(__file__).parent / "gauges" / "sql" / f"{name}.sql").read_text(encoding="utf-8")
