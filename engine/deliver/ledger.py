"""A destination's ledger: what is due, and what became of what was sent, written in groups under the destination's lease."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from engine.deliver.sql import sql
from engine.fault import Fault
from engine.journal.line import ALWAYS, OPTIONS
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


class Ledger:
    """One connection, used by one task at a time."""

    def __init__(self, dsn: str, destination: str) -> None:
        self._dsn, self._destination = dsn, destination
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def due(self, after: int, limit: int) -> list[Due]:
        """The next parcels behind number `after`."""
        return await self._read("due", {"after": after, "limit": limit})

    async def heads(self, busy: Sequence[int], limit: int, each: int) -> list[Due]:
        """The next parcels of every key that is not busy, at most `each` of one."""
        return await self._read("heads", {"busy": list(busy), "limit": limit, "each": each})

    async def _read(self, name: str, asked: dict[str, Any]) -> list[Due]:
        connection = await self._open()
        asked = {"destination": self._destination, "bytes": BYTES, "longest": LONGEST, **asked}
        rows = await (await connection.execute(sql(name), asked, prepare=None if name == "due" else False)).fetchall()
        return [
            Due(seq, hash, failed, Parcel(self._destination, key, idem, bytes(body), type, meta))
            for seq, hash, failed, idem, key, type, meta, body in rows
        ]

    async def note(self, sent: Sequence[Sent], owner: int) -> set[int]:
        """Writes what became of tries in one commit; returns the numbers that were still ours to write."""
        mine: dict[str, Any] = {"lease": f"to {self._destination}", "owner": owner}
        done = [one for one in sent if one.fault is None]
        later = [one for one in sent if one.fault is not None and one.wait is not None]
        lost = [one for one in sent if one.fault is not None and one.wait is None]
        written: set[int] = set()
        connection = await self._open()
        async with connection.transaction():
            if done:
                receipts = [_json(one.receipt) for one in done]
                written |= await self._run("done", {**mine, "seqs": _seqs(done), "receipts": receipts})
            if later:
                told = {"waits": [one.wait for one in later], "faults": [_fault(one) for one in later]}
                written |= await self._run("later", {**mine, "seqs": _seqs(later), **told})
            if lost:
                told = {"codes": [one.fault.code if one.fault else "" for one in lost], "faults": [_fault(one) for one in lost]}
                written |= await self._run("bury", {**mine, "seqs": _seqs(lost), **told})
        return written

    async def is_paused(self) -> bool:
        """Whether somebody has paused the destination."""
        connection = await self._open()
        found = await connection.execute("select 1 from journal.paused where destination = %s", [self._destination])
        return await found.fetchone() is not None

    async def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _run(self, name: str, asked: dict[str, Any]) -> set[int]:
        connection = await self._open()
        return {int(row[0]) for row in await (await connection.execute(sql(name), asked)).fetchall()}

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, application_name=f"isthmus to {self._destination}", options=OPTIONS, **ALWAYS
            )
        return self._connection


def _seqs(sent: Sequence[Sent]) -> list[int]:
    return [one.due.seq for one in sent]


def _json(receipt: JSON | None) -> str:
    return json.dumps(receipt or {}, default=str).replace("\\u0000", "\\ufffd")


def _fault(one: Sent) -> str:
    return json.dumps(one.fault.as_dict() if one.fault else {}).replace("\\u0000", "\\ufffd")
