"""Accepting: arrivals become durable in one commit, or nothing is stored, or the outcome is unknown and said so.

A connection lost while a commit is on its way leaves the outcome unknown. It is never guessed: the arrivals are looked up by
their ids, and stored (again) only when they are not there; ids and the (source, digest) key make a second try harmless.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from engine import packed
from engine.fault import Fault, Kind
from engine.journal.line import Line
from engine.journal.sql import sql
from engine.journal.values import clean, faults_json, mark, order_hash, source_hash
from engine.types import Arrival, Receipt

AWAY = Fault(Kind.UNAVAILABLE, "E620", "the database cannot be reached; the message was not stored", help="send it again later")
UNKNOWN = Fault(
    Kind.INTERRUPTED,
    "E621",
    "the database was lost while the message was being stored; whether it is stored is not known",
    help="close the connection without an answer; the sender repeats the message and a duplicate has no second effect",
)
Answer = tuple[UUID, bool] | Fault  # the id that stands for the arrival, and whether its control id was used before
PATIENCE = 10.0  # seconds spent on finding out


@dataclass(frozen=True, slots=True)
class Row:
    """An arrival with what is computed of it."""

    arrival: Arrival
    digest: bytes
    hash: int
    source: int | None
    mark: int
    reused: bool


class Acceptor:
    """Stores arrivals over one line; not shared between threads."""

    def __init__(self, line: Line, patience: float = PATIENCE) -> None:
        self._line, self._patience = line, patience

    def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        """One answer for each arrival, in order."""
        rows, places = _distinct(arrivals)
        answers = self._store(rows)
        seen: set[int] = set()
        receipts: list[Receipt | Fault] = []
        for arrival, place in zip(arrivals, places, strict=True):
            answer = answers[place]
            if isinstance(answer, Fault):
                receipts.append(answer)
                continue
            id, reused = answer
            again = place in seen or id != arrival.id
            seen.add(place)
            receipts.append(Receipt(id, duplicate=again, reused=reused and not again, fault=arrival.fault))
        return receipts

    def _store(self, rows: list[Row]) -> list[Answer]:
        try:
            connection = self._line.get()
        except psycopg.OperationalError:
            return [AWAY] * len(rows)
        try:
            return _answers(self._insert(connection, rows))
        except psycopg.OperationalError as error:
            if connection.closed or connection.broken:
                return self._find_out(rows)
            if (error.sqlstate or "").startswith("54"):  # one of them is beyond a limit of the server's, now and later
                return self._one_by_one(rows, error)
            return [_refused(error)] * len(rows)
        except psycopg.Error as error:
            return self._one_by_one(rows, error)

    def _insert(self, connection: psycopg.Connection[Any], rows: list[Row]) -> list[tuple[Any, ...]]:
        self._line.warned = ""
        found = connection.execute(sql("accept"), _columns(rows)).fetchall()
        self._unless_warned(connection)
        return found

    def _confirm(self, connection: psycopg.Connection[Any]) -> None:
        """Commits something behind the rows that were found, so that they are wherever a commit has to be before it counts."""
        self._line.warned = ""
        connection.execute("select pg_logical_emit_message(true, 'isthmus', '')")
        self._unless_warned(connection)

    def _unless_warned(self, connection: psycopg.Connection[Any]) -> None:
        if self._line.warned:  # such as: the wait for a synchronous standby was cancelled, the commit is on one disk only
            connection.close()
            raise psycopg.OperationalError(self._line.warned)

    def _find_out(self, rows: list[Row]) -> list[Answer]:
        asked = {
            "ids": [row.arrival.id for row in rows],
            "sources": [row.source for row in rows],
            "marks": [row.mark for row in rows],
        }
        until = time.monotonic() + self._patience
        while time.monotonic() < until:
            try:
                connection = self._line.get()
                found = connection.execute(sql("recheck"), asked).fetchall()
                if all(id is not None for _, id, _ in found):
                    self._confirm(connection)
                    return _answers(found)
                return _answers(self._insert(connection, rows))
            except (psycopg.OperationalError, psycopg.errors.UniqueViolation):
                time.sleep(0.1)
            except psycopg.Error as error:
                return self._one_by_one(rows, error)
        return [UNKNOWN] * len(rows)

    def _one_by_one(self, rows: list[Row], error: psycopg.Error) -> list[Answer]:
        if len(rows) == 1:
            text = f"the message could not be stored ({type(error).__name__})"
            return [Fault(Kind.FAULT, "E623", text, help="this is a defect of the engine: report it")]
        return [answer for row in rows for answer in self._store([row])]


def enlist(connection: psycopg.Connection[Any], arrivals: Sequence[Arrival]) -> None:
    """Stores arrivals inside a transaction of the caller's, whose commit makes them durable."""
    rows, _ = _distinct(arrivals)
    if rows:
        connection.execute(sql("accept"), _columns(rows))


def _answers(found: list[tuple[Any, ...]]) -> list[Answer]:
    return [(id, reused) for _, id, reused in found]


def _refused(error: psycopg.Error) -> Fault:
    if (error.sqlstate or "").startswith("53"):
        text = "the database has no room left (disk, memory or connections); the message was not stored"
        return Fault(Kind.UNAVAILABLE, "E622", text, help="make room; messages are taken again by themselves")
    return Fault(Kind.UNAVAILABLE, "E620", f"the database refused the message for now ({type(error).__name__})", help=AWAY.help)


def _distinct(arrivals: Sequence[Arrival]) -> tuple[list[Row], list[int]]:
    """The arrivals without those that repeat an earlier one of the same batch, and for each arrival the place of its row."""
    rows: list[Row] = []
    places: list[int] = []
    first: dict[tuple[int, int], int] = {}
    sources: set[int] = set()
    for arrival in arrivals:
        digest = hashlib.sha256(arrival.body).digest()
        told = arrival.envelope
        source, part = source_hash(arrival.channel, told.sender, told.control_id), mark(digest)
        place = len(rows)
        if source is not None:
            place = first.setdefault((source, part), place)
        places.append(place)
        if place == len(rows):
            rows.append(
                Row(
                    arrival,
                    digest,
                    order_hash(arrival.channel, told.key, arrival.id, arrival.slow),
                    source,
                    part,
                    source in sources,
                )
            )
            if source is not None:
                sources.add(source)
    return rows, places


def _columns(rows: list[Row]) -> dict[str, packed.Packed]:
    arrivals = [row.arrival for row in rows]
    return {
        "ids": packed.uuids([a.id for a in arrivals]),
        "channels": packed.texts([clean(a.channel) for a in arrivals]),
        "formats": packed.texts([clean(a.format) for a in arrivals]),
        "types": packed.texts([clean(a.envelope.type) for a in arrivals]),
        "senders": packed.texts([clean(a.envelope.sender) for a in arrivals]),
        "control_ids": packed.texts([clean(a.envelope.control_id) for a in arrivals]),
        "keys": packed.texts([clean(a.envelope.key) for a in arrivals]),
        "peers": packed.texts([clean(a.peer) for a in arrivals]),
        "bodies": packed.blobs([a.body for a in arrivals]),
        "digests": packed.blobs([row.digest for row in rows]),
        "received": packed.times([a.received for a in arrivals]),
        "hashes": packed.numbers([row.hash for row in rows]),
        "sources": packed.numbers([row.source for row in rows]),
        "marks": packed.numbers([row.mark for row in rows]),
        "reused": packed.truths([row.reused for row in rows]),
        "faults": packed.texts([faults_json(a.fault.all()) if a.fault else None for a in arrivals]),
        "codes": packed.texts([a.fault.code if a.fault else "" for a in arrivals]),
    }
