"""Retention of what was delivered: parcels go with their receipts once no replay can repeat them; what waits or was given up stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.deliver.sql import sql
from engine.journal.line import Connection
from engine.journal.partitions import ago

BATCH = 5_000


def purge_parcels(connection: Connection, keep: timedelta, now: datetime | None = None) -> int:
    """Deletes delivered parcels older than `keep`, batch by batch; returns how many."""
    border, gone, after = ago(now or datetime.now(UTC), keep), 0, 0
    while True:
        row = connection.execute(sql("purge"), {"border": border, "after": after, "limit": BATCH}).fetchone()
        count, older, last = row or (0, 0, None)
        gone += int(count)
        if not older or last is None:
            return gone
        after = last
