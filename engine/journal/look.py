"""Looking: finding messages, one message with all that happened to it, and how many stand where."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Select, case, func, select
from sqlalchemy.dialects import postgresql

from engine.fault import Fault, Kind
from engine.journal.claim import CORRUPT, DAMAGED
from engine.journal.line import ALWAYS, OPTIONS, Connection
from engine.journal.schema import event, held, message
from engine.journal.values import faults_from, unpack
from engine.types import Outcome, State

FINAL = ("processed", "filtered", "held")
_DIALECT: Any = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages; parts left out do not narrow. Newest first; `before` goes on where an earlier answer ended."""

    channel: str = ""
    state: str = ""  # stored, processed, filtered, held
    type: str = ""
    sender: str = ""
    control_id: str = ""
    key: str = ""
    code: str = ""  # a fault's, of held messages
    since: datetime | None = None
    until: datetime | None = None
    reused: bool = False  # only those flagged: control id used before, with other bytes
    before: UUID | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A message in a list, without its body."""

    id: UUID
    seq: int
    received: datetime
    channel: str
    format: str
    type: str
    sender: str
    control_id: str
    state: str
    size: int
    reused: bool
    code: str  # of the fault that holds it


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of a message's history."""

    at: datetime
    state: str
    attempt: int
    plan: str
    faults: tuple[Fault, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A message with its bytes and its history, oldest first."""

    found: Found
    key: str
    peer: str
    digest: str
    body: bytes
    events: tuple[Happened, ...]


def connect(dsn: str) -> Connection:
    """A connection for a few look-ups."""
    return psycopg.connect(dsn, autocommit=True, application_name="isthmus look", options=OPTIONS, **ALWAYS)


def find(connection: Connection, wanted: Filter) -> list[Found]:
    """The messages that fit, newest first."""
    return [_found(row) for row in run(connection, statement(wanted).limit(wanted.limit))]


def statement(wanted: Filter) -> Select[Any]:
    """The look-up as a statement, without its limit."""
    state = _state()
    columns = [message.c[name] for name in ("id", "seq", "received", "channel", "format", "type", "sender", "control_id")]
    size = func.octet_length(message.c.body)
    tail = [state.label("state"), size.label("size"), message.c.flags, func.coalesce(held.c.code, "").label("code")]
    found = select(*columns, *tail).select_from(message.outerjoin(held, held.c.id == message.c.id))
    for name in ("channel", "type", "sender", "control_id", "key"):
        if value := getattr(wanted, name):
            found = found.where(message.c[name] == value)
    if wanted.state:
        found = found.where(state == wanted.state)
    if wanted.state == "held" or wanted.code:
        found = found.where(held.c.id.is_not(None))
    if wanted.code:
        found = found.where(held.c.code == wanted.code)
    if wanted.since:
        found = found.where(message.c.received >= wanted.since)
    if wanted.until:
        found = found.where(message.c.received < wanted.until)
    if wanted.reused:
        found = found.where(message.c.flags.op("&")(1) == 1)
    if wanted.before:
        found = found.where(message.c.id < wanted.before)
    return found.order_by(message.c.id.desc())


def show(connection: Connection, id: UUID) -> Shown | Fault:
    """One message; a Fault when there is none, or when its bytes are not what was received."""
    columns = [message.c[name] for name in ("key", "peer", "digest", "body")]
    try:
        rows = run(connection, statement(Filter()).where(message.c.id == id).add_columns(*columns))
    except CORRUPT:
        return DAMAGED
    if not rows:
        return Fault(Kind.NOT_FOUND, "E631", "there is no message with this id", at=str(id), help="see `isthmus find`")
    *_, key, peer, digest, body = rows[0]
    if hashlib.sha256(body).digest() != bytes(digest):
        return DAMAGED
    names = ("at", "state", "attempt", "plan", "faults", "resources")
    history = run(connection, select(*(event.c[name] for name in names)).where(event.c.id == id).order_by(*_order()))
    events = tuple(
        Happened(at, state, n, plan, faults_from(faults), unpack(made)) for at, state, n, plan, faults, made in history
    )
    return Shown(_found(rows[0][:-4]), key, peer, bytes(digest).hex(), bytes(body), events)


def counts(connection: Connection, since: datetime | None = None, until: datetime | None = None) -> dict[str, dict[str, int]]:
    """How many messages of each channel stand where: {channel: {received, stored, processed, filtered, held}}."""
    each = select(message.c.channel, _state().label("state"))
    if since:
        each = each.where(message.c.received >= since)
    if until:
        each = each.where(message.c.received < until)
    told: dict[str, dict[str, int]] = {}
    rows = each.subquery("each")
    for channel, name, number in run(connection, select(rows.c.channel, rows.c.state, func.count()).group_by(*rows.c)):
        row = told.setdefault(channel, dict.fromkeys(("received", "stored", *FINAL), 0))
        row["received"] += number
        row[name] = number
    return told


def outcome(dsn: str, id: UUID) -> Outcome | None:
    """What became of a message; None while it waits, or while the database is away."""
    names = ("state", "faults", "resources")
    asked = select(*(event.c[name] for name in names)).where(event.c.id == id).order_by(*(c.desc() for c in _order())).limit(1)
    try:
        with connect(dsn) as connection:
            rows = run(connection, asked)
    except psycopg.OperationalError:
        return None
    if not rows or rows[0][0] not in FINAL:
        return None
    state, faults, resources = rows[0]
    return Outcome(State(state), faults_from(faults), unpack(resources))


def run(connection: Connection, asked: Select[Any]) -> Sequence[tuple[Any, ...]]:
    """Runs a statement of SQLAlchemy Core on a psycopg connection."""
    made = asked.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return connection.execute(str(made), made.params).fetchall()


def _state() -> Any:
    """Where a message stands: the last thing that happened to it, if that was final."""
    last = select(case((event.c.state.in_(FINAL), event.c.state), else_="stored")).where(event.c.id == message.c.id)
    return func.coalesce(last.order_by(*(c.desc() for c in _order())).limit(1).correlate(message).scalar_subquery(), "stored")


def _order() -> tuple[Any, Any, Any]:
    return event.c.seq, event.c.attempt, event.c.at


def _found(row: tuple[Any, ...]) -> Found:
    *head, flags, code = row
    return Found(*(*head, bool(flags & 1), code))
