"""An HTTP source in an application of its own, and calls to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
from fastapi import FastAPI

from adapters.hl7v2.format import Hl7v2
from adapters.http.routes import routes
from adapters.http.source import Http, Listener
from adapters.json_format import Json
from engine.types import Site
from fhir.format import Fhir
from tests.acceptance.mllp_peer import Memory, site

TOKEN = "a-long-enough-secret"

Talk = Callable[[httpx.AsyncClient], Awaitable[Any]]


def made(**settings: Any) -> Site:
    return replace(site(paths={}, **settings), formats={"hl7v2": Hl7v2(), "json": Json(), "fhir": Fhir()})


def client(place: Site, host: str = "127.0.0.1") -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(routes(place))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(host, 4711)), base_url="http://engine")


def talk(source: Http, what: Talk, intake: Memory | None = None, host: str = "127.0.0.1") -> Any:
    """Serves a source and talks to it."""

    async def main() -> Any:
        place = made()
        running = await source.serve("devices", place, intake or Memory())
        assert isinstance(running, Listener), running
        async with client(place, host) as one:
            return await what(one)

    return asyncio.run(main())


def post(path: str = "/in/devices", body: bytes = b'{"a": 1}', **headers: str) -> Talk:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda one: one.post(path, content=body, headers=named)
