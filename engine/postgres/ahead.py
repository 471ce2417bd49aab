"""The server's log (WAL) laid out ahead when a database is new, as it is after a while of work anyway.

A segment of the log that is written for the first time is filled with zeros by whichever process needs it, and all that wait for their
commit wait for that: 15 to 30 ms every 800 messages, which was most of what the slowest hundredth of acknowledgements took. Segments of
a checkpoint ago are used again, so a database that has worked for a while does so no more.

Source: https://www.postgresql.org/docs/current/wal-configuration.html on recycled segments and min_wal_size.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import psycopg

MOST = 1024  # megabytes: as much as `min_wal_size` keeps
SHARE = 16  # of what is free on the disk, a sixteenth at most
PATIENCE = 3.0  # seconds that it may take; a slow disk gets less
MEGABYTE = 1024 * 1024


def lay_out(connection: psycopg.Connection[Any], megabytes: int, folder: Path) -> None:
    """Goes through so much of the log, in `folder`, and has it used again from the next checkpoint on, which is asked for here: a second
    for a gigabyte on a quick disk."""
    row = connection.execute("select pg_size_bytes(current_setting('wal_segment_size'))").fetchone()
    size, began = min(megabytes, MOST) * MEGABYTE, time.monotonic()
    segments = min(size, shutil.disk_usage(folder).free // SHARE) // int(row[0]) if row else 0
    for _ in range(segments):
        if time.monotonic() - began > PATIENCE:
            break
        connection.execute("select pg_logical_emit_message(false, 'isthmus', ''), pg_switch_wal()")
    if segments:
        connection.execute("checkpoint")
