"""Group reads: what is asked for while one query runs goes into the next one together, so that many readers cost few queries.

A read sees everything committed before it was asked for, since its query begins later.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fhir.store.sql import sql

MOST = 64
Row = tuple[int, Any, bool, str]  # version, updated, deleted, body


class Reader:
    """Reads resources by key over one connection of the pool at a time."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.waiting: list[tuple[UUID, asyncio.Future[list[Row]]]] = []
        self.task: asyncio.Task[None] | None = None

    async def read(self, key: UUID) -> list[Row]:
        """The newest version's row, deleted ones too; empty when there is none."""
        future: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        self.waiting.append((key, future))
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        group: list[tuple[UUID, asyncio.Future[list[Row]]]] = []
        try:
            async with self.pool.connection() as connection:
                cursor = connection.cursor(binary=True)
                while self.waiting:
                    group, self.waiting = self.waiting[:MOST], self.waiting[MOST:]
                    await cursor.execute(sql("read_many"), ([key for key, _ in group],), prepare=True)
                    found = {row[0]: [row[1:]] for row in await cursor.fetchall()}
                    for key, future in group:
                        if not future.done():
                            future.set_result(found.get(key, []))
        except BaseException as error:
            group, self.waiting = [*group, *self.waiting], []
            for _, future in group:
                if not future.done():
                    future.set_exception(error if isinstance(error, Exception) else ConnectionError())
            if not isinstance(error, Exception):
                raise
