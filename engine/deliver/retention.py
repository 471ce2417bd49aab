"""Retention of what was delivered: parcels go with their receipts once no replay can repeat them; what waits or was given up stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.deliver.sql import sql
from engine.journal.line import Connection

BATCH = 5_000


def purge_parcels(connection: Connection, keep: timedelta, now: datetime | None = None) -> int:
    """Deletes delivered parcels older than `keep`, batch by batch; returns how many."""
    border, gone = (now or datetime.now(UTC)) - keep, 0
    while True:
        row = connection.execute(sql("purge"), {"border": border, "limit": BATCH}).fetchone()
        count = int(row[0]) if row else 0
        gone += count
        if count < BATCH:
            return gone
