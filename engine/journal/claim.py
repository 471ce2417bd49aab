"""Claiming: the next messages of the lanes this process holds, in the order of their numbers.

The queue in the database is the truth; memory only saves reading bodies back that this process has just written. One claimant
per process: a claim gives up whatever the last one left unsettled, so a worker that failed simply claims again.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from engine.fault import Fault, Kind
from engine.journal.lease import Leases
from engine.journal.line import Line
from engine.journal.sql import sql
from engine.journal.values import KINDS, LANES, QUICK, order_hash
from engine.types import Arrival, Envelope, Message

CORRUPT = (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted)
NEVER = datetime.fromtimestamp(0, UTC)
STEPS = (64, 4)  # messages whose bodies are read at once: quick ones, slow ones
MOST_BYTES = 64 * 1024 * 1024  # of bodies in one claim, save for its last step
SWEEP = 1.0  # seconds after which a claim looks below the last number again: retries, and what other processes stored
DAMAGED = Fault(
    Kind.FAULT,
    "E630",
    "the stored message is not what was received: its checksum does not match",
    help="the disk or the memory of the database's machine has changed it; restore it from a backup, or ask for it again",
)


class Bodies:
    """Arrivals on their way into the journal, kept until they are claimed; at most so many bytes of them."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._kept: dict[UUID, Arrival] = {}
        self._lock = threading.Lock()

    def keep(self, arrivals: Sequence[Arrival], held: Mapping[bool, frozenset[str]]) -> None:
        """Remembers what fits, of the lanes (quick or slow) worked here; the rest is read back when its turn comes.

        Called before the arrivals are stored, so that a claim never comes too early; what is not stored is taken off again.
        """
        with self._lock:
            for arrival in arrivals:
                size, lanes = len(arrival.body), held.get(arrival.slow)
                if not lanes or self._bytes + size > self._most:
                    continue
                if len(lanes) == (LANES - QUICK if arrival.slow else QUICK) or _lane(arrival) in lanes:
                    self._kept[arrival.id] = arrival
                    self._bytes += size

    def take(self, id: UUID) -> Arrival | None:
        """The arrival, which is then forgotten here."""
        with self._lock:
            one = self._kept.pop(id, None)
            if one is not None:
                self._bytes -= len(one.body)
            return one

    def clear(self) -> None:
        """Forgets everything: other lanes are worked here now."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def _lane(arrival: Arrival) -> str:
    number = order_hash(arrival.channel, arrival.envelope.key, arrival.id, arrival.slow) % LANES
    return f"{KINDS[arrival.slow]} {number}"


class Claims:
    """Claims for one worker thread: the quick lanes, or the slow ones."""

    def __init__(self, line: Line, leases: Leases, bodies: Bodies, slow: bool = False) -> None:
        self._line, self._leases, self._bodies = line, leases, bodies
        self._lanes = range(QUICK, LANES) if slow else range(QUICK)
        self._step = STEPS[slow]
        self._after = 0
        self._swept = 0.0
        self._generation = -1
        self.in_hand: set[int] = set()

    def claim(self, limit: int) -> tuple[list[Message], list[Message]]:
        """The next messages, and those among them whose stored bytes are damaged; fewer where they are large."""
        held = (int(name.rpartition(" ")[2]) for name in self._leases.held())
        lanes = [lane for lane in held if lane in self._lanes]
        if not lanes:
            return [], []
        rows = self._rows(lanes, limit)
        messages: list[Message] = []
        damaged: list[Message] = []
        taken, size = 0, 0
        while taken < len(rows) and size < MOST_BYTES:
            good, bad = self._load(rows[taken : taken + self._step])
            messages += good
            damaged += bad
            size += sum(len(one.body) for one in good)
            taken = min(taken + self._step, len(rows))
            self._after = rows[taken - 1][0]
        self.in_hand = {row[0] for row in rows[:taken]}
        return messages, damaged

    def _rows(self, lanes: list[int], limit: int) -> list[tuple[Any, ...]]:
        now = time.monotonic()
        moved = self._generation != self._leases.generation
        if moved and self._generation >= 0:
            self._bodies.clear()
        if self.in_hand or moved or now - self._swept > SWEEP:
            self._generation = self._leases.generation
            self._after, self._swept = 0, now
        asked = {"after": self._after, "lanes": lanes, "limit": limit}
        return self._line.get().execute(sql("claim"), asked).fetchall()

    def _load(self, rows: list[tuple[Any, ...]]) -> tuple[list[Message], list[Message]]:
        known = {row[1]: one for row in rows if (one := self._bodies.take(row[1])) is not None}
        missing = [row[1] for row in rows if row[1] not in known]
        read = self._read(missing) if missing else {}
        messages: list[Message] = []
        damaged: list[Message] = []
        for seq, id, attempts, _ in rows:
            one = known.get(id)
            if one is not None:
                messages.append(_from_memory(one, seq, attempts))
                continue
            row = read.get(id)
            message = _from_row(row, seq, attempts) if row else Message(id, seq, "", "", b"", NEVER, Envelope(), attempts + 1)
            intact = row is not None and hashlib.sha256(message.body).digest() == row[-1]
            (messages if intact else damaged).append(message)
        return messages, damaged

    def _read(self, ids: list[UUID]) -> dict[UUID, tuple[Any, ...]]:
        """Messages by id; those on a page that the server finds damaged are left out."""
        try:
            return {row[0]: row for row in self._line.get().execute(sql("bodies"), {"ids": ids})}
        except CORRUPT:
            if len(ids) == 1:
                return {}
            return {id: row for one in ids for id, row in self._read([one]).items()}


def _from_memory(a: Arrival, seq: int, attempts: int) -> Message:
    return Message(a.id, seq, a.channel, a.format, a.body, a.received, a.envelope, attempts + 1)


def _from_row(row: tuple[Any, ...], seq: int, attempts: int) -> Message:
    id, channel, format, body, received, type, sender, control_id, key, _ = row
    envelope = Envelope(type, sender, control_id, key)
    return Message(id, seq, channel, format, bytes(body), received, envelope, attempts + 1)
