"""Settling: the outcome of claimed messages and all that leaves with them, inside the worker's transaction.

Taking the row off the queue is the right to have an effect: it succeeds once, and only for the process that holds the lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine import packed
from engine.journal.line import Connection
from engine.journal.outbox import post
from engine.journal.sql import sql
from engine.journal.values import Fenced, Settlement, clean, faults_json, pack
from engine.types import Event, State

FEED_LOCK = 0x15748FEED
OUTBOX_LOCK = 0x1574807B0


def settle(connection: Connection, owners: Sequence[int], settlements: Sequence[Settlement]) -> None:
    """Notes each outcome; raises Fenced when another process has taken one of the messages over from these owners of lanes."""
    if not settlements:
        return
    asked = {
        "owners": list(owners),
        "seqs": packed.numbers([one.message.seq for one in settlements]),
        "attempts": packed.numbers([min(one.message.attempt, 32767) for one in settlements]),
        "states": packed.texts([one.state.value for one in settlements]),
        "plans": packed.texts([clean(one.plan) for one in settlements]),
        "faults": packed.texts([faults_json(one.faults) for one in settlements]),
        "resources": packed.texts([pack(one.resources) for one in settlements]),
        "channels": packed.texts([clean(one.message.channel) for one in settlements]),
        "stops": packed.truths([one.stop and one.state is State.HELD for one in settlements]),
        "codes": packed.texts([one.faults[0].code if one.state is State.HELD and one.faults else "" for one in settlements]),
    }
    row = connection.execute(sql("settle"), asked).fetchone()
    if row is None or row[0] != len(settlements):
        raise Fenced("another process has taken these messages over")
    parcels = [(one.message.id, parcel) for one in settlements for parcel in one.parcels]
    if parcels:
        in_order(connection)
        post(connection, parcels)
    events = [event for one in settlements for event in one.events]
    if events:
        publish(connection, events)


def in_order(connection: Connection) -> None:
    """Has parcels numbered in the order of commits, so that a courier that reads on from a number misses none that several writers
    queue at once: the lock is held until this transaction is done. It is taken before the feeds' lock, never after."""
    connection.execute("select pg_advisory_xact_lock(%s)", [OUTBOX_LOCK])


def publish(connection: Connection, events: Sequence[Event]) -> None:
    """Writes feed events; numbers are given in the order of commits, since the lock is held until this one is done."""
    connection.execute("select pg_advisory_xact_lock(%s)", [FEED_LOCK])
    connection.execute(
        sql("publish"),
        {
            "topics": [clean(event.topic) for event in events],
            "patients": [clean(event.patient) for event in events],
            "severities": [clean(event.severity) for event in events],
            "bodies": [dumps(event.body) for event in events],
        },
    )


def dumps(body: dict[str, Any]) -> str:
    """JSON with decimals' own digits."""
    return _encoder.encode(body).decode().replace("\\u0000", "\\ufffd")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return msgspec.Raw(format(value, "f").encode())
    raise NotImplementedError(type(value).__name__)


_encoder = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")
