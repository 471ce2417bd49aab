"""A destination's ledger: what is due, and what became of what was sent, written in groups under the destination's lease."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from engine import packed
from engine.deliver.sql import sql
from engine.fault import Fault
from engine.journal.line import ALWAYS, BY_KEY, OPTIONS
from engine.types import JSON, Parcel

BYTES = 8 * 1024 * 1024  # read at once
LONGEST = 2 * 86400.0  # seconds; no schedule waits longer between two tries


@dataclass(frozen=True, slots=True)
class Due:
    """A parcel whose turn it is."""

    seq: int
    hash: int
    failed: int  # tries before this one
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one try: a receipt, or a fault with the seconds to wait, or a fault for good."""

    due: Due
    receipt: JSON | None = None
    fault: Fault | None = None
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Heads in order; the numbers of those whose bodies were too much at once; where the reading came to, and whether that is the end."""

    heads: tuple[Due, ...]
    left: tuple[int, ...]
    paused: bool
    last: int
    end: bool


@dataclass(frozen=True, slots=True)
class Noted:
    """The numbers that were ours to write, and those of the parcels that are the first of their keys now."""

    written: frozenset[int]
    next: tuple[int, ...]


class Ledger:
    """One connection, used by one task at a time, so that what is read follows from what was noted. No try is put off for longer than
    `longest` seconds."""

    def __init__(self, dsn: str, destination: str, longest: float = LONGEST) -> None:
        self._dsn, self._destination, self._longest = dsn, destination, longest
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def read(self, after: int, page: int, busy: Sequence[int] = (), named: Sequence[int] = ()) -> Read:
        """The heads among the next parcels behind number `after`, those to be tried again and those named, of keys that are not busy."""
        asked = {
            "destination": self._destination, "after": after, "page": page, "busy": packed.numbers(busy), "named": packed.numbers(named),
            "bytes": BYTES, "longest": self._longest,
        }  # fmt: skip
        connection = await self._open()
        rows = await (await connection.execute(sql("read"), asked)).fetchall()
        paused, many, last = rows[0][:3]
        found = [row[3:] for row in rows if row[3] is not None]
        heads = tuple(
            Due(seq, hash, failed, Parcel(self._destination, key, idem, bytes(body), type, meta))
            for seq, hash, failed, idem, key, type, meta, body in found
            if body is not None
        )
        left = tuple(row[0] for row in found if row[7] is None)
        return Read(heads, left, paused, max(after, last or 0), many < page)

    async def note(self, sent: Sequence[Sent], owner: int) -> Noted:
        """Writes what became of tries in one commit."""
        mine: dict[str, Any] = {"lease": f"to {self._destination}", "owner": owner}
        later = [one for one in sent if one.wait is not None]
        done = [one for one in sent if one.wait is None]
        connection = await self._open()
        if not later:
            return _noted(await self._done(connection, mine, done))
        rows: list[tuple[int, int | None]] = []
        async with connection.transaction():
            told = {"waits": [one.wait for one in later], "faults": packed.texts(map(_told, later))}
            found = await connection.execute(sql("later"), {**mine, "seqs": _seqs(later), **told})
            rows += [(row[0], None) for row in await found.fetchall()]
            if done:
                rows += await self._done(connection, mine, done)
        return _noted(rows)

    async def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _done(
        self, connection: psycopg.AsyncConnection[Any], mine: dict[str, Any], done: Sequence[Sent]
    ) -> list[tuple[int, int | None]]:
        codes = packed.texts(one.fault.code if one.fault else "" for one in done)
        asked = {**mine, "seqs": _seqs(done), "receipts": packed.texts(map(_told, done)), "codes": codes}
        return await (await connection.execute(sql("done"), asked)).fetchall()

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, application_name=f"isthmus to {self._destination}", options=OPTIONS + BY_KEY, **ALWAYS
            )
        return self._connection


def _noted(rows: Sequence[tuple[int, int | None]]) -> Noted:
    return Noted(frozenset(row[0] for row in rows), tuple(row[1] for row in rows if row[1] is not None))


def _seqs(sent: Sequence[Sent]) -> packed.Packed:
    return packed.numbers(one.due.seq for one in sent)


def _told(one: Sent) -> str:
    """The receipt or the fault as JSON."""
    told = one.fault.as_dict() if one.fault else one.receipt or {}
    return json.dumps(told, default=str).replace("\\u0000", "\\ufffd")
