"""The one look of a process for the sockets of Subscriptions: how far each Subscription has come, told to those bound to it.

It looks when a commit is heard of, and otherwise once a second, and only while somebody is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import psycopg

from engine.log import log
from fhir.subscribe.desk import Desk

if TYPE_CHECKING:
    from fhir.subscribe.socket import Socket

LOOK, REST = 1.0, 0.02  # seconds between looks, and at least between them
NOW = "select num, state, events from fhir.subscription where num = any(%s)"


class Hub:
    """The sockets of one process; all of it lives on one event loop."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.pool = desk.site.pool
        self.sockets: set[Socket] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        desk.listen(self.wake)
        if desk.site.after_commit is not None:
            desk.site.after_commit(self.wake)

    def wake(self) -> None:
        """There may be something to tell; may be called from any thread."""
        if self.sockets and self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake.set)

    def join(self, socket: Socket) -> None:
        """Serves a socket from now on."""
        self.sockets.add(socket)
        self._loop = asyncio.get_running_loop()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self.sockets:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK)
            self._wake.clear()
            try:
                await self._look()
            except Exception as error:
                log("sockets of subscriptions wait for the database", "warning", reason=type(error).__name__)
            await asyncio.sleep(REST)

    async def _look(self) -> None:
        nums = {num for socket in self.sockets for num in socket.bound}
        if not nums:
            return
        async with self.pool.connection() as connection:
            rows = await (await connection.execute(NOW, [list(nums)])).fetchall()
        held = {num: (state, count) for num, state, count in rows}
        for socket in self.sockets:
            socket.hear(held)

    async def reread(self) -> None:
        """Reads who is subscribed."""

        def load() -> None:
            with psycopg.connect(self.pool.conninfo, autocommit=True) as connection:
                self.desk.stale()
                self.desk.look(connection)

        await asyncio.to_thread(load)

    async def counts(self, nums: tuple[int, ...]) -> dict[int, tuple[str, int]]:
        """State and number of events of some Subscriptions."""
        async with self.pool.connection() as connection:
            rows = await (await connection.execute(NOW, [list(nums)])).fetchall()
        return {num: (state, count) for num, state, count in rows}

    async def stop(self) -> None:
        """Lets go of everybody."""
        for socket in list(self.sockets):
            socket.ended.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
