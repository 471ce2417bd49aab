"""What a PostgreSQL server must promise before a message is acknowledged on its word: versions 15 to 18, nothing held back."""

from __future__ import annotations

from typing import Any

import psycopg

from engine.fault import Fault, Kind

ACCEPTED = "i accept that acknowledged messages may be lost"

OLDEST, NEWEST = 15, 18

# https://www.postgresql.org/docs/current/wal-reliability.html
REASONS = {
    "fsync": "after a power cut the server may not start at all",
    "full_page_writes": "a page torn by a power cut cannot be repaired",
    "synchronous_commit": "a commit is reported before it is on disk",
    "data_checksums": "a changed bit on the disk is served as if it were right",
}
SAFE = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
    "data_checksums": {"on"},
}


def version(connection: psycopg.Connection[Any]) -> Fault | None:
    """Says when the server is none of PostgreSQL 15 to 18."""
    number = connection.info.server_version // 10000
    if OLDEST <= number <= NEWEST:
        return None
    return Fault(
        Kind.UNSUPPORTED,
        "E610",
        f"the database server is PostgreSQL {number}; {OLDEST} to {NEWEST} are supported",
        help="name another server by DATABASE_URL, or leave it out to use the embedded one",
    )


def durability(connection: psycopg.Connection[Any], words: str = "") -> list[Fault]:
    """Names each setting that lets an acknowledged message be lost; none when `words` accept that loss as ACCEPTED says it."""
    if words.strip().lower() == ACCEPTED:
        return []
    rows = connection.execute("select name, setting from pg_settings where name = any(%s)", [list(SAFE)]).fetchall()
    found = {str(name): str(setting) for name, setting in rows}
    return [_weak(name, found.get(name, "absent")) for name, good in SAFE.items() if found.get(name) not in good]


def _weak(name: str, value: str) -> Fault:
    help = "turn it on in postgresql.conf and restart the server"
    if name == "data_checksums":
        help = "stop the server and run `pg_checksums --enable`"
    return Fault(
        Kind.FORBIDDEN,
        "E609",
        f"the database server's {name} is {value}: {REASONS[name]}",
        at=name,
        help=f"{help}; `isthmus run --i-accept-data-loss` runs all the same",
    )
