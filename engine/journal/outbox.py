"""The outbox: parcels written in the transaction that settles their message; the same parcel again leaves only when it has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from uuid import UUID

from engine.journal.line import Connection
from engine.journal.sql import sql
from engine.journal.values import clean
from engine.types import Parcel


def post(connection: Connection, parcels: Sequence[tuple[UUID | None, Parcel]]) -> int:
    """Queues parcels in order, each with the message it comes from; returns how many will leave.

    A parcel is known by destination and `idem`. Known and with the same bytes, nothing leaves again; with other bytes (a replay
    after a repair) the new ones replace it and leave.
    """
    latest = {(parcel.destination, parcel.idem): (message, parcel) for message, parcel in parcels}
    if not latest:
        return 0
    rows = list(latest.values())
    row = connection.execute(
        sql("post"),
        {
            "messages": [message for message, _ in rows],
            "destinations": [clean(p.destination) for _, p in rows],
            "idems": [clean(p.idem) for _, p in rows],
            "keys": [clean(p.key) for _, p in rows],
            "hashes": [key_hash(p.destination, p.key or p.idem) for _, p in rows],
            "types": [clean(p.content_type) for _, p in rows],
            "metas": [json.dumps({clean(k): clean(v) for k, v in p.meta.items()}) for _, p in rows],
            "bodies": [p.body for _, p in rows],
        },
    ).fetchone()
    return int(row[0]) if row else 0


def key_hash(destination: str, key: str) -> int:
    """A signed 64-bit number that parcels of one key to one destination share."""
    digest = hashlib.blake2b(f"{clean(destination)}\0{clean(key)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
