"""What the journal holds."""

from __future__ import annotations

from typing import Any

import psycopg


def stored(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute("select id from journal.message order by seq")]
