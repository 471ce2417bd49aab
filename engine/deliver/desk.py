"""The operator's desk for deliveries: what waits, what was given up and why, pause and resume, and sending again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.fault import Fault
from engine.journal.line import Connection
from engine.journal.outbox import key_hash
from engine.journal.values import faults_from


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much of a destination waits, since when."""

    destination: str
    count: int
    oldest: datetime
    retrying: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Dead:
    """A parcel that was given up."""

    seq: int
    destination: str
    idem: str
    message: UUID | None
    since: datetime
    attempts: int
    fault: Fault


def waiting(connection: Connection) -> list[Waiting]:
    """Every destination that has something on its way."""
    rows = connection.execute(
        "select outbox.destination, count(*), min(parcel.at), count(*) filter (where outbox.attempts > 0),"
        " exists (select from journal.paused where paused.destination = outbox.destination)"
        " from journal.outbox join journal.parcel using (seq) group by 1 order by 1"
    )
    return [Waiting(*row) for row in rows]


def dead(connection: Connection, destination: str = "", limit: int = 100) -> list[Dead]:
    """The parcels given up, newest first."""
    rows = connection.execute(
        "select dead.seq, dead.destination, parcel.idem, parcel.message, dead.since, dead.attempts, dead.fault"
        " from journal.dead join journal.parcel using (seq) where %s in ('', dead.destination) order by dead.seq desc limit %s",
        [destination, limit],
    )
    return [Dead(*(*row[:6], faults_from([row[6]])[0])) for row in rows]


def revive(connection: Connection, seqs: Sequence[int]) -> int:
    """Queues given up parcels again, in their old order; returns how many."""
    with connection.transaction():
        rows = connection.execute(
            "select seq, destination, key, idem from journal.parcel where seq = any(%s) and seq in (select seq from journal.dead)"
            " order by seq for update",
            [list(seqs)],
        ).fetchall()
        for seq, destination, key, idem in rows:
            connection.execute("delete from journal.dead where seq = %s", [seq])
            connection.execute(
                "insert into journal.outbox (seq, key, destination) values (%s, %s, %s) on conflict do nothing",
                [seq, key_hash(destination, key or idem), destination],
            )
    return len(rows)


def pause(connection: Connection, destination: str, reason: str = "") -> None:
    """Sends nothing more to the destination until it is resumed; what comes waits."""
    connection.execute(
        "insert into journal.paused values (%s, now(), %s) on conflict (destination) do update set reason = excluded.reason",
        [destination, reason],
    )


def resume(connection: Connection, destination: str) -> bool:
    """Sends again; says whether it was paused."""
    return connection.execute("delete from journal.paused where destination = %s", [destination]).rowcount > 0


def paused(connection: Connection) -> list[str]:
    """The destinations that are paused."""
    return [str(row[0]) for row in connection.execute("select destination from journal.paused order by 1")]
