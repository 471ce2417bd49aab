"""The route `/ws/feed` on a real server and a real database, in the test's own loop."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import uvicorn
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool
from websockets.asyncio.client import ClientConnection, connect

from adapters.websocket.routes import routes
from engine.journal.settle import publish
from engine.types import Event, Site
from engine.uuid7 import uuid7
from engine.web_socket import Socket


@dataclass
class Feed:
    """A running feed."""

    address: str
    dsn: str
    wakes: list[Callable[[], None]] = field(default_factory=list)
    held: Callable[[], int] = int  # bytes that wait in sockets' write buffers

    def publish(self, *events: Event) -> None:
        """Commits events as a worker does, and tells of the commit."""
        with psycopg.connect(self.dsn) as connection:
            publish(connection, events)
        for wake in self.wakes:
            wake()

    def url(self, query: str = "topic=labs") -> str:
        return f"ws://{self.address}/ws/feed?{query}"

    @asynccontextmanager
    async def reader(self, query: str = "topic=labs", **options: Any) -> AsyncIterator[ClientConnection]:
        """A reader that has had its greeting."""
        async with connect(self.url(query), **options) as peer:
            assert "hello" in json.loads(await peer.recv())
            yield peer


def event(n: int, topic: str = "labs", **parts: Any) -> Event:
    """An event with a number of the test's own."""
    patient, severity = parts.pop("patient", ""), parts.pop("severity", "")
    return Event(topic, {"n": n, **parts}, patient, severity)


async def numbers(peer: ClientConnection, count: int) -> list[int]:
    """The test's own numbers of the next events, heartbeats left out."""
    found: list[int] = []
    while len(found) < count:
        told = json.loads(await asyncio.wait_for(peer.recv(), 30))
        if "data" in told:
            found.append(told["data"]["n"])
    return found


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        return None


@asynccontextmanager
async def feeding(dsn: str, **settings: Any) -> AsyncIterator[Feed]:
    """Serves the feed of a database on a free port."""
    pool = AsyncConnectionPool(dsn, min_size=1, max_size=4, open=False, kwargs={"autocommit": True})
    await pool.open(wait=True, timeout=30)
    bound = socket.create_server(("127.0.0.1", 0), backlog=2048)
    feed = Feed(f"127.0.0.1:{bound.getsockname()[1]}", dsn)
    site = Site({}, {}, settings, lambda: datetime.now(UTC), uuid7, pool, after_commit=feed.wakes.append)
    app = FastAPI()
    app.include_router(routes(site))
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws=Socket, ws_max_size=1 << 16, ws_per_message_deflate=False)
    server = _Server(config)
    feed.held = lambda: sum(each.transport.get_write_buffer_size() for each in server.server_state.connections)
    task = asyncio.create_task(server.serve([bound]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield feed
    finally:
        server.should_exit = True
        await task
        await pool.close()
        bound.close()
