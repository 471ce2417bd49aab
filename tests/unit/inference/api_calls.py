"""The two APIs in an application of their own, and bodies to send them."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import Response

from engine.fault import Refused
from engine.http import problem
from engine.types import Site
from inference.api import routes
from inference.serve.client import Settings, worker_command

Array = np.ndarray[Any, Any]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID = UUID("01890000-0000-7000-8000-000000000001")


def site(**settings: Any) -> Site:
    return Site({}, {}, settings, lambda: NOW, lambda: ID)


def call(models: Path, work: Callable[[httpx.AsyncClient], Awaitable[Any]], read: Any = None, **settings: Any) -> Any:
    async def body() -> Any:
        app = FastAPI()

        async def refused(_request: Request, error: Exception) -> Response:
            assert isinstance(error, Refused)
            return problem(error.fault)

        app.add_exception_handler(Refused, refused)
        app.include_router(routes(site(**settings), read, Settings(command=worker_command("own", models))))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await work(client)

    return asyncio.run(body())


def nested(ecg: Array) -> dict[str, Any]:
    return {"signal": np.round(ecg / 1000, 4).tolist(), "fs": 500}


def encoded(ecg: Array, **more: Any) -> dict[str, Any]:
    text = base64.b64encode(np.ascontiguousarray(ecg, "<f4").tobytes()).decode()
    return {"signal": text, "shape": list(ecg.shape), "fs": 500, "unit": "uV", **more}
