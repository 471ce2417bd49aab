"""Retention: old messages go, whole days at a time where all of a day may go, and never one that is not done with.

A message that waits or is held stays, however old; so does its day. What marks duplicates goes with its message: a repetition is
recognised for as long as the message is kept. Each step is a transaction of its own, so a purge can be stopped and started anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.journal.line import Connection
from engine.journal.partitions import DAY, ago, briefly, first_id
from engine.journal.sql import sql
from engine.journal.values import REPLAY_LOCK, mark, source_hash

KEEP = timedelta(days=90)
BATCH = 5_000


def purge(connection: Connection, keep: Mapping[str, timedelta], default: timedelta = KEEP, now: datetime | None = None) -> int:
    """Deletes what is older than its channel keeps; returns how many messages."""
    now = now or datetime.now(UTC)
    border = first_id(ago(now, default))
    borders = {channel: first_id(ago(now, age)) for channel, age in keep.items()}
    asked = {"after": UUID(int=0), "border": max([border, *borders.values()]), "limit": BATCH}
    gone = 0
    while True:
        with connection.transaction():  # nothing is queued again between the look and the deletion
            connection.execute("select pg_advisory_xact_lock(%s)", [REPLAY_LOCK])
            rows = connection.execute(sql("old"), asked).fetchall()
            gone += _delete(connection, [row for row in rows if row[-1] and row[0] < borders.get(row[1], border)])
        if len(rows) < BATCH:
            break
        asked["after"] = rows[-1][0]
    _drop_empty(connection, now)
    return gone


def _delete(connection: Connection, rows: list[tuple[Any, ...]]) -> int:
    marks = {
        "ids": [id for id, *_ in rows],
        "sources": [source_hash(channel, sender, control_id) for _, channel, sender, control_id, *_ in rows],
        "marks": [mark(bytes(digest)) for *_, digest, _ in rows],
    }
    row = connection.execute(sql("purge"), marks).fetchone() if rows else None
    return int(row[0]) if row else 0


def _drop_empty(connection: Connection, now: datetime) -> None:
    """Drops the partitions of days before yesterday that hold nothing any more."""
    oldest = (now - DAY).strftime("%Y%m%d")
    names = connection.execute(
        "select relname from pg_class where relnamespace = 'journal'::regnamespace and relkind = 'r' and relname ~ '_[0-9]{8}$'"
    ).fetchall()
    for (name,) in names:
        if name[-8:] < oldest and not name.startswith("feed_event") and _is_empty(connection, name):
            with briefly(connection):
                connection.execute(f"lock table journal.{name} in access exclusive mode")
                if _is_empty(connection, name):
                    connection.execute(f"drop table journal.{name}")


def _is_empty(connection: Connection, name: str) -> bool:
    row = connection.execute(f"select exists (select from journal.{name})").fetchone()  # noqa: S608 - a name of the catalogue
    return row is not None and not row[0]


def purge_feed(connection: Connection, keep: timedelta, now: datetime | None = None) -> int:
    """Drops whole days of feed events older than `keep`; returns how many days."""
    oldest = ((now or datetime.now(UTC)) - keep).strftime("%Y%m%d")
    names = connection.execute(
        "select relname from pg_class where relnamespace = 'journal'::regnamespace and relkind = 'r' and relname ~ '^feed_event_[0-9]{8}$'"
    ).fetchall()
    dropped = [name for (name,) in names if name[-8:] < oldest]
    for name in dropped:
        with briefly(connection):
            connection.execute(f"drop table journal.{name}")
    return len(dropped)
