"""Tapping: messages as they come in, their values masked. A format says how its messages look without values; JSON is known here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.journal.line import Connection

DEEP, WIDE = 20, 100
PAGE = 100
LATE = 5_000  # milliseconds


@dataclass(frozen=True, slots=True)
class Tapped:
    """One message as it came."""

    id: UUID
    received: datetime
    channel: str
    format: str
    type: str
    size: int
    body: bytes


@dataclass(slots=True)
class Tap:
    """Follows the journal from a message on. Ids are given at the first byte, so a message may become durable behind a younger one:
    what came in the last seconds is looked for again, and shown once."""

    start: UUID
    channel: str = ""
    type: str = ""
    seen: set[UUID] = field(default_factory=set)

    def next(self, connection: Connection, limit: int = PAGE) -> list[Tapped]:
        """The next messages."""
        behind = UUID(int=max(self.start.int, max((id.int for id in self.seen), default=0) - (LATE << 80)))
        self.seen = {id for id in self.seen if id > behind}
        asked = [behind, list(self.seen), self.channel, self.type, limit]
        rows = connection.execute(
            "select id, received, channel, format, type, octet_length(body), body from journal.message"
            " where id > %s and not id = any(%s) and %s in ('', channel) and %s in ('', type) order by id limit %s",
            asked,
        )
        found = [Tapped(*row) for row in rows]
        self.seen |= {one.id for one in found}
        return found


def before(connection: Connection, last: int, channel: str = "", type: str = "") -> UUID:
    """The id behind which the last so many messages of this channel and type stand; one before all others when there are fewer."""
    row = connection.execute(
        "select id from journal.message where %s in ('', channel) and %s in ('', type) order by id desc limit 1 offset %s",
        [channel, type, last - 1],
    ).fetchone()
    return UUID(int=row[0].int - 1) if row else UUID(int=0)


def newest(connection: Connection) -> UUID:
    """The newest message's id; one before all others when there is none."""
    row = connection.execute("select id from journal.message order by id desc limit 1").fetchone()
    return row[0] if row else UUID(int=0)


def masked(body: bytes, format: Any) -> str:
    """A body without its values; only its size where nothing is known of its form."""
    shape = getattr(format, "masked", None)
    if shape is not None:
        return str(shape(body))
    if body.lstrip()[:1] in (b"{", b"["):
        try:
            return json.dumps(kinds(json.loads(body)), indent=2)
        except (ValueError, RecursionError):
            pass
    return f"<{len(body)} bytes>"


def kinds(value: Any, depth: int = 0) -> Any:
    """A JSON value's shape: names stand where they look like names, values give way to their kinds."""
    if depth > DEEP:
        return "<deeper>"
    if isinstance(value, Mapping):
        return {_name(key): kinds(each, depth + 1) for key, each in list(value.items())[:WIDE]}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [kinds(each, depth + 1) for each in value[:3]] + ([f"<{len(value) - 3} more>"] if len(value) > 3 else [])
    names = {bool: "<true or false>", int: "<number>", float: "<number>", str: "<text>"}
    return names.get(type(value), "<null>")


def _name(key: str) -> str:
    return key if key.isidentifier() and key.isascii() and len(key) <= 40 else "<name>"
