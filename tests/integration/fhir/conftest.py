"""A FHIR server on a real database and a real socket."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool

from engine.types import Site
from fhir.rest import routes


def application(dsn: str) -> FastAPI:
    """The routes on a pool that opens and closes with the application."""
    pool = AsyncConnectionPool(dsn, min_size=1, max_size=4, open=False, kwargs={"autocommit": True})
    site = Site({}, {}, {}, lambda: datetime.now(UTC), uuid.uuid4, pool)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await pool.open(wait=True)
        yield
        await pool.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(routes(site))
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
