"""A FHIR server on a real database and a real socket."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from psycopg_pool import AsyncConnectionPool

from engine import __version__
from engine.bounds import Bounded
from engine.http import MAX_BODY
from engine.types import Site
from fhir.rest import routes


def application(dsn: str) -> Any:
    """The mounted API, bounded as the engine bounds it, on a pool that opens and closes with it."""
    pool = AsyncConnectionPool(dsn, min_size=1, max_size=4, open=False, kwargs={"autocommit": True})
    mount = routes(Site({}, {}, {"version": __version__}, lambda: datetime.now(UTC), uuid.uuid4, pool))
    assert mount.stop is not None and mount.told is not None
    bounded = Bounded(mount.asgi, MAX_BODY, mount.told)

    async def lifespan(receive: Any, send: Any) -> None:
        await receive()
        await pool.open(wait=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        assert mount.stop is not None
        await mount.stop()
        await pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (lifespan(receive, send) if scope["type"] == "lifespan" else bounded(scope, receive, send))

    return app


@pytest.fixture
def fhir_url(database: str) -> Iterator[str]:
    """The base address of a running server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(uvicorn.Config(application(database), log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/fhir/R4"
        httpx.get(f"{url}/metadata", timeout=30)  # waits in the listener's backlog until the server takes it
        yield url
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def api(fhir_url: str) -> Iterator[httpx.Client]:
    """A client of the server."""
    with httpx.Client(base_url=f"{fhir_url}/", timeout=60) as client:
        yield client
