"""Looking: finding messages, one message with all that happened to it, and how many stand where."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from engine.fault import Fault, Kind
from engine.journal.claim import CORRUPT, DAMAGED
from engine.journal.line import ALWAYS, OPTIONS, Connection
from engine.journal.values import faults_from, unpack
from engine.types import Outcome, State

FINAL = ("processed", "filtered", "held")


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
    from engine.journal.statements import run, statement  # noqa: PLC0415

    return [_found(row) for row in run(connection, statement(wanted).limit(wanted.limit))]


def show(connection: Connection, id: UUID) -> Shown | Fault:
    """One message; a Fault when there is none, or when its bytes are not what was received."""
    from engine.journal.statements import history, run, whole  # noqa: PLC0415

    try:
        rows = run(connection, whole(id))
    except CORRUPT:
        return DAMAGED
    if not rows:
        return Fault(Kind.NOT_FOUND, "E631", "there is no message with this id", at=str(id), help="see `isthmus find`")
    *_, key, peer, digest, body = rows[0]
    if hashlib.sha256(body).digest() != bytes(digest):
        return DAMAGED
    events = tuple(
        Happened(at, state, n, plan, faults_from(faults), unpack(made))
        for at, state, n, plan, faults, made in run(connection, history(id))
    )
    return Shown(_found(rows[0][:-4]), key, peer, bytes(digest).hex(), bytes(body), events)


def counts(connection: Connection, since: datetime | None = None, until: datetime | None = None) -> dict[str, dict[str, int]]:
    """How many messages of each channel stand where: {channel: {received, stored, processed, filtered, held}}."""
    from engine.journal.statements import run, totals  # noqa: PLC0415

    told: dict[str, dict[str, int]] = {}
    for channel, name, number in run(connection, totals(since, until)):
        row = told.setdefault(channel, dict.fromkeys(("received", "stored", *FINAL), 0))
        row["received"] += number
        row[name] = number
    return told


def outcome(dsn: str, id: UUID) -> Outcome | None:
    """What became of a message; None while it waits, or while the database is away."""
    from engine.journal.statements import last, run  # noqa: PLC0415

    try:
        with connect(dsn) as connection:
            rows = run(connection, last(id))
    except psycopg.OperationalError:
        return None
    if not rows or rows[0][0] not in FINAL:
        return None
    state, faults, resources = rows[0]
    return Outcome(State(state), faults_from(faults), unpack(resources))


def _found(row: tuple[Any, ...]) -> Found:
    *head, flags, code = row
    return Found(*(*head, bool(flags & 1), code))
