"""What befalls Subscriptions while nobody writes: a handshake that was taken, a delivery given up, an end that has come, a heartbeat
that is due, events that are too old to ask for. Looked at once a second, by one process at a time, and only while somebody subscribes.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from engine.log import failed, log
from engine.types import Connection
from fhir import encode
from fhir.store.sql import sql as stored
from fhir.subscribe.asked import over
from fhir.subscribe.desk import Desk
from fhir.subscribe.parcels import parcels, signal
from fhir.subscribe.past import missed
from fhir.subscribe.settle import marked, moved, queue
from fhir.subscribe.sql import sql

LOOK, IDLE, TIDY = 1.0, 5.0, 3600.0  # seconds between looks, while nobody subscribes, between deletions
KEEP, BATCH = timedelta(days=7), 5_000  # of events that may be asked for again
LOCK = 0x15748C1EB


class Keeper(threading.Thread):
    """The rounds of one process; a database that is away is met with patience."""

    def __init__(self, dsn: str, desk: Desk, look: float = LOOK) -> None:
        super().__init__(name="subscriptions", daemon=True)
        self._dsn, self._desk, self._look = dsn, desk, look
        self._woken, self._ended = threading.Event(), threading.Event()
        self._connection: psycopg.Connection[Any] | None = None
        self._tidied = 0.0

    def wake(self) -> None:
        """Something may have happened; may be called from any thread."""
        self._woken.set()

    def stop(self) -> None:
        """Ends after the round in hand."""
        self._ended.set()
        self._woken.set()
        if self.is_alive():
            self.join(10.0)

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self.round(self._connected())
            except Exception as error:
                failed("the keeper of subscriptions tries again", error)
                self._drop()
            self._woken.wait(IDLE if self._desk.idle else self._look)
            self._woken.clear()
        self._drop()

    def round(self, connection: Connection) -> None:
        """One look."""
        now = self._desk.site.now()
        if time.monotonic() - self._tidied > TIDY:
            self._tidied = time.monotonic()
            tidy(connection, now)
        self._desk.look(connection)
        if self._desk.idle:
            return
        with connection.transaction():
            if not connection.execute("select pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()[0]:
                return
            changed = befallen(self._desk, connection, now)
            beat(self._desk, connection, now)
        if changed:
            self._desk.stale()
            self._desk.look(connection)
            self._desk.stir()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._dsn, autocommit=True, options="-c statement_timeout=10000")
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def befallen(desk: Desk, connection: Connection, now: datetime) -> bool:
    """Carries what happened into states and resources; whether anything did."""
    rows = [(num, key, what, code, text) for num, key, what, code, text in connection.execute(sql("due")).fetchall()]
    for num, key, what, code, text in rows:
        if what == "given up":
            log("a subscription is in error", "warning", code=code, number=num)
            put(connection, key, "error", now, f"{code} {text}"[:500])
        else:
            put(connection, key, "active", now)
            told_late(desk, connection, num)
    for num, fault in desk.unserved.items():
        log("a subscription cannot be served any more", "warning", code=fault.code, number=num)
        row = connection.execute("select key from fhir.subscription where num = %s and state <> 'gone'", [num]).fetchone()
        if row is not None:
            put(connection, row[0], "error", now, f"{fault.code} {fault.text}"[:500])
    ended = [one for one in desk.by_num.values() if over(one.asked, now)]
    for one in ended:
        row = connection.execute("select key from fhir.subscription where num = %s and state <> 'gone'", [one.num]).fetchone()
        if row is not None:
            put(connection, row[0], "off", now)
    return bool(rows or ended or desk.unserved)


def told_late(desk: Desk, connection: Connection, num: int) -> None:
    """Queues what happened while the endpoint was asked whether it is there; what happens now waits for this transaction."""
    one = desk.by_num.get(num)
    if one is not None:
        for found in missed(connection, num, one.asked.content == "full-resource"):
            queue(desk, connection, list(parcels(num, one.base, one.asked, found)))


def put(connection: Connection, key: UUID, state: str, now: datetime, error: str = "") -> None:
    """One Subscription's new state, in its row and as its next version."""
    found = connection.execute(stored("read") + " for update", (key,)).fetchone()
    if found is None or found[2]:
        moved(connection, key, "gone")
        return
    moved(connection, key, state)
    marked(connection, encode.trusted(found[3]), state, now, error)


def beat(desk: Desk, connection: Connection, now: datetime) -> None:
    """Queues the heartbeats that are due; sockets have theirs from the socket."""
    known = {
        one.num: one
        for one in desk.by_num.values()
        if one.asked.heartbeat and one.asked.channel == "rest-hook" and one.state == "active"
    }
    if not known:
        return
    periods = [float(one.asked.heartbeat) for one in known.values()]
    for num, events in connection.execute(sql("quiet"), {"nums": list(known), "periods": periods}).fetchall():
        one = known[num]
        queue(desk, connection, [signal(num, one.base, one.asked, "heartbeat", now, events, f"{now.timestamp():.3f}")])
        connection.execute("update fhir.subscription set told = now() where num = %s", [num])


def tidy(connection: Connection, now: datetime) -> int:
    """Deletes events that are too old to ask for; returns how many."""
    gone = 0
    while (count := connection.execute(sql("forget"), {"border": now - KEEP, "limit": BATCH}).rowcount) > 0:
        gone += count
    return gone
