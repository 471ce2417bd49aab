"""One look at the outbox for all destinations: a commit wakes those couriers that it has something for, not each of them.

Parcels are numbered in the order of commits, so looking on from the last number misses none. What changes behind it is found by each
courier's own readings from the start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from engine.deliver.sql import sql
from engine.journal.line import ALWAYS, BY_KEY, OPTIONS


class Lookout:
    """Looks when asked to. `tell` hears the names of destinations with something new; None when it cannot be said which."""

    def __init__(self, dsn: str, tell: Callable[[Sequence[str] | None], None]) -> None:
        self._dsn, self._tell = dsn, tell
        self._asked = asyncio.Event()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._after = 0

    def look(self) -> None:
        """Something may have been queued."""
        self._asked.set()

    async def run(self) -> None:
        """Looks until it is cancelled."""
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                self._tell(await self._news())
        finally:
            await self._drop()

    async def _news(self) -> list[str] | None:
        try:
            if self._connection is None:
                self._connection = await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, application_name="isthmus lookout", options=OPTIONS + BY_KEY, **ALWAYS
                )
            rows = await (await self._connection.execute(sql("news"), {"after": self._after})).fetchall()
        except (psycopg.Error, OSError):  # the couriers themselves say that the database is away, and wait for it
            await self._drop()
            return None
        self._after = max([self._after, *(last for _, last in rows)])
        return [name for name, _ in rows]

    async def _drop(self) -> None:
        held, self._connection = self._connection, None
        if held is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await held.close()
