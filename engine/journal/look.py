"""Looking: where one message stands."""

from __future__ import annotations

from uuid import UUID

import psycopg

from engine.journal.values import faults_from, unpack
from engine.types import Outcome, State

LAST = """
select event.state, event.faults, event.resources from journal.message_event event
where event.id = %s and event.state in ('processed', 'filtered', 'held')
    and not exists (select from journal.pending where pending.id = event.id)
order by event.at desc limit 1
"""


def outcome(dsn: str, id: UUID) -> Outcome | None:
    """What became of a message; None while it waits, or while the database is away."""
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            row = connection.execute(LAST, [id]).fetchone()
    except psycopg.OperationalError:
        return None
    return None if row is None else Outcome(State(row[0]), faults_from(row[1]), unpack(row[2]))
