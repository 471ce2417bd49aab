"""Arrays as PostgreSQL reads them, written out: one text costs a fraction of what a list of objects costs the adapters.

Source: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID


def texts(values: Iterable[str | None]) -> str:
    """A text[]."""
    quoted = ["null" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    return "{" + ",".join(quoted) + "}"


def plain(values: Iterable[int | bool]) -> str:
    """An array of whole numbers or of yes and no."""
    return "{" + ",".join([str(value) for value in values]) + "}"


def times(values: Iterable[datetime | None]) -> str:
    """A timestamptz[]."""
    return "{" + ",".join(["null" if value is None else f'"{value.isoformat()}"' for value in values]) + "}"


def uuids(values: Iterable[UUID | None]) -> str:
    """A uuid[]."""
    return "{" + ",".join(["null" if value is None else value.hex for value in values]) + "}"
