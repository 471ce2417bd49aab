"""Housekeeping: tomorrow's partitions made, what is older than it is kept deleted. By one process at a time, every hour.

What waits, is held or was given up stays, however old. Each step is a transaction of its own; the next round goes on where one ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from engine.channel import Channel
from engine.deliver.retention import purge_parcels
from engine.journal.line import Connection
from engine.journal.look import connect
from engine.journal.partitions import ensure
from engine.journal.retention import KEEP, purge, purge_feed
from engine.log import failed, log

FIRST, EVERY = 60.0, 3600.0  # seconds after the start, and between rounds
FEEDS = timedelta(days=7)
LOCK = 0x15748C1EA
Forget = Callable[[Connection, datetime], int]


class Housekeeping(threading.Thread):
    """The rounds of one process."""

    def __init__(self, dsn: str, channels: Callable[[], Mapping[str, Channel]], forget: Forget | None = None) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._dsn, self._channels, self._forget = dsn, channels, forget
        self._stopped = threading.Event()

    def run(self) -> None:
        wait = FIRST
        while not self._stopped.wait(wait):
            wait = EVERY
            try:
                with connect(self._dsn) as connection:
                    tidy(connection, {name: channel.keep for name, channel in self._channels().items()}, forget=self._forget)
            except Exception as error:
                failed("housekeeping is tried again", error)

    def stop(self) -> None:
        """Ends; a step in hand is undone and done again next time."""
        self._stopped.set()
        self.join(1.0)


def tidy(
    connection: Connection, keep: Mapping[str, timedelta], now: datetime | None = None, forget: Forget | None = None
) -> bool:
    """One round; False when another process is at it. `forget` deletes what else is older than it is kept, if anything is."""
    row = connection.execute("select pg_try_advisory_lock(%s)", [LOCK]).fetchone()
    if not row or not row[0]:
        return False
    moment = now or datetime.now(UTC)
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("partitions", lambda: ensure(connection, now)),
        ("messages", lambda: purge(connection, keep, now=now)),
        ("parcels", lambda: purge_parcels(connection, max([*keep.values(), KEEP]), now)),
        ("days of feeds", lambda: purge_feed(connection, FEEDS, now)),
        ("audit events", lambda: forget(connection, moment) if forget is not None else 0),
    )
    try:
        for name, step in steps:
            try:
                done = step()
            except Exception as error:  # one that fails keeps none of the others from its work
                failed("housekeeping is tried again", error, name=name)
                continue
            if isinstance(done, int) and done:
                log("what was kept long enough is deleted", name=name, count=done)
    finally:
        connection.execute("select pg_advisory_unlock(%s)", [LOCK])
    return True
