"""Partitions by day of what grows: messages and their history by the time inside their ids, feed events by their time.

An id is a UUIDv7 (RFC 9562), so a day of ids is a range, the primary key needs no second column, and a look-up by id touches one
partition. Days are made a week ahead; what falls outside (a clock that jumped) goes to a table of its own and is found all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from engine.journal.line import Connection
from engine.log import log

AHEAD = 7  # days
LOCK = 0x15748DA1
DAY = timedelta(days=1)
EPOCH = datetime.fromtimestamp(0, UTC)


def first_id(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a moment; only its time matters to a range."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def ago(now: datetime, age: timedelta) -> datetime:
    """So long before; 1970, before which no id can be, where that is further back."""
    return max(now - min(age, now - EPOCH), EPOCH)


@contextmanager
def briefly(connection: Connection) -> Iterator[None]:
    """A transaction that changes tables: it gives up soon (psycopg.errors.LockNotAvailable) where one is in use, such as by a backup, for
    whoever comes to the table waits behind whoever waits to change it."""
    with connection.transaction():
        connection.execute("set local lock_timeout = '300ms'")
        yield


def ensure(connection: Connection, now: datetime | None = None) -> list[str]:
    """Makes the partitions of yesterday to a week from now that are missing; returns their names. Where the tables are in use they are made
    another time: until then rows go to the table for the rest."""
    row = connection.execute("select now()").fetchone() if now is None else (now,)
    today = (row or (datetime.now(UTC),))[0].astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    made: list[str] = []
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        found = connection.execute("select relname from pg_class where relnamespace = 'journal'::regnamespace")
        there = {str(name) for (name,) in found}
        try:
            for day in (today + n * DAY for n in range(-1, AHEAD + 1)):
                for table, name, low, high in _ranges(day):
                    if name not in there and _make(connection, table, name, low, high):
                        made.append(name)
        except psycopg.errors.LockNotAvailable:
            log("partitions are made later: their table is in use", "warning")
    return made


def _ranges(day: datetime) -> Iterator[tuple[str, str, str, str]]:
    stamp = day.strftime("%Y%m%d")
    ids = str(first_id(day)), str(first_id(day + DAY))
    yield "message", f"message_{stamp}", *ids
    yield "message_event", f"message_event_{stamp}", *ids
    yield "feed_event", f"feed_event_{stamp}", day.isoformat(), (day + DAY).isoformat()


def _make(connection: Connection, table: str, name: str, low: str, high: str) -> bool:
    try:
        with briefly(connection):
            connection.execute(
                f"create table journal.{name} partition of journal.{table} for values from ('{low}') to ('{high}')"
            )
    except psycopg.errors.CheckViolation:
        return False  # rows of that day already lie in the table for the rest, and stay there
    return True
