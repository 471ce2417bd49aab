"""Readers of a feed that are turned away, or sent away."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.websocket import hub
from adapters.websocket.routes import FRAMES, routes
from engine.types import Site
from engine.uuid7 import uuid7


class Away:
    """A pool whose database is away."""

    @asynccontextmanager
    async def connection(self, *_: Any, **__: Any) -> Any:
        raise OSError
        yield


class Empty:
    """A pool whose database has published nothing."""

    @asynccontextmanager
    async def connection(self, *_: Any, **__: Any) -> Any:
        yield self

    async def execute(self, *_: Any, **__: Any) -> Empty:
        return self

    async def fetchall(self) -> list[tuple[int, int]]:
        return [(0, 0)]


def told(pool: Any, frames: int = 0) -> str:
    """What a reader is turned away with, in the answer to the handshake or in the closing."""
    app = FastAPI()
    app.include_router(routes(Site({}, {}, {}, lambda: datetime.now(UTC), uuid7, pool=pool)))
    scope = {
        "type": "websocket", "asgi": {"version": "3.0"}, "scheme": "ws", "path": "/ws/feed", "raw_path": b"/ws/feed", "headers": [],
        "query_string": b"topic=labs", "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "subprotocols": [],
        "extensions": {"websocket.http.response": {}}, "state": {},
    }  # fmt: skip
    coming: list[dict[str, Any]] = [{"type": "websocket.connect"}, *[{"type": "websocket.receive", "text": "x"}] * frames]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if coming:
            return coming.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(app(scope, receive, send), 20))
    return str(sent[-1].get("reason") or sent[-1].get("body"))


def test_while_the_database_is_away_a_reader_is_told_to_come_again() -> None:
    assert "E764" in told(Away())


def test_a_full_server_takes_no_more_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "READERS", 0)
    assert "E760" in told(Empty())


def test_a_reader_that_talks_too_much_is_sent_away() -> None:
    assert "E761" in told(Empty(), FRAMES + 10)
