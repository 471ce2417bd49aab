"""Replaying: messages go through their channel again, as it is now, behind what already waits.

Ids are deterministic, so what comes out the same changes nothing. A message that waits already is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from engine.journal.line import Connection
from engine.journal.look import Filter
from engine.journal.schema import message
from engine.journal.sql import sql
from engine.journal.statements import run, statement
from engine.journal.values import REPLAY_LOCK, SLOW_FLAG, order_hash


def replay(connection: Connection, wanted: Sequence[UUID] | Filter, dry_run: bool = False) -> list[UUID]:
    """The messages that are (or, with `dry_run`, would be) worked again, in the order they first came."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [REPLAY_LOCK])
        rows = sorted(run(connection, _asked(wanted)), key=lambda row: int(row[1]))
        rows = [row for row in rows if row[8] != "stored"]
        if rows and not dry_run:
            ids = [row[0] for row in rows]
            asked = select(message.c.id, message.c.key, message.c.flags).where(message.c.id.in_(ids))
            keys = {id: (key, bool(flags & SLOW_FLAG)) for id, key, flags in run(connection, asked)}
            hashes = [order_hash(row[3], keys[row[0]][0], row[0], keys[row[0]][1]) for row in rows]
            connection.execute(sql("replay"), {"ids": ids, "hashes": hashes})
    return [row[0] for row in rows]


def _asked(wanted: Sequence[UUID] | Filter) -> Select[Any]:
    if isinstance(wanted, Filter):
        return statement(wanted).limit(wanted.limit)
    return statement(Filter()).where(message.c.id.in_(list(wanted)))


def skip(connection: Connection, ids: Sequence[UUID]) -> int:
    """Lets the keys go on that these held messages stop; the messages stay held. Returns how many did stop one."""
    return connection.execute("delete from journal.pending where id = any(%s) and stopped", [list(ids)]).rowcount
