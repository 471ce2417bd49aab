"""Trends of Holter recordings: an export is uploaded once, and streamed by window of time, smoothed and paced.

`POST /upload-ecg` with the part `file`, `POST /ecg/stream`, and `/ws/ecg`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from adapters.ecg.trends.ask import Asked, ask
from adapters.ecg.trends.load import load
from adapters.ecg.trends.point import Export, told
from adapters.ecg.trends.smooth import smoothed
from adapters.ecg.trends.table import keep, select
from engine.fault import Fault, Kind, Refused
from engine.types import Site

LARGEST = 32 * 1024 * 1024
PATIENCE = 60.0  # seconds a reader may take for one point, or to say what it wants
SAMPLE = 5
encoder = msgspec.json.Encoder(decimal_format="number")
NO_FILE = Fault(Kind.INCORRECT, "E184", "the form has no part `file`, or it is too large", "file", "-F file=@export.xml")
FOREIGN = Fault(Kind.FORBIDDEN, "E185", "pages of other sites may not read trends", "Origin")


def routes(site: Site) -> APIRouter:
    """The routes of a site (entry point `isthmus.routes`)."""
    router = APIRouter(tags=["ecg trends"])

    @router.post("/upload-ecg", summary="Keeps the trends of a Holter export; the same again adds nothing")
    async def upload(request: Request) -> Response:
        export = await _exported(site, await _file(request))
        count = await keep(site.pool, export)
        sample = [told(point) for point in export.points[:SAMPLE]]
        row = {"inserted_rows": count, "sample": sample, "recording": str(export.id), "warnings": export.warnings}
        return Response(encoder.encode(row), media_type="application/json")

    @router.post("/ecg/stream", summary="Says what window of time was understood; the values come over /ws/ecg")
    async def stream(request: Request) -> dict[str, Any]:
        asked = ask(await request.body())
        if isinstance(asked, Fault):
            raise Refused(asked)
        seconds = int(asked.seconds) if asked.seconds.is_integer() else asked.seconds
        return {"received": {"start_time": asked.start.isoformat(), "duration_seconds": seconds}}

    @router.websocket("/ws/ecg")
    async def socket(socket: WebSocket) -> None:
        if _foreign(socket, site):
            await socket.send_denial_response(Response(FOREIGN.text, 403))
            return
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect, OSError, TimeoutError, RuntimeError):
            await _tell(socket, site)

    return router


async def _file(request: Request) -> bytes:
    """The part `file` of the form; Refused when there is none."""
    try:
        async with request.form(max_files=1, max_fields=8) as form:
            file = form.get("file")
            body = await file.read(LARGEST + 1) if file is not None and not isinstance(file, str) else b""
    except Exception as error:  # the form reader's own errors are many
        raise Refused(NO_FILE) from error
    if not 0 < len(body) <= LARGEST:
        raise Refused(NO_FILE)
    return body


async def _exported(site: Site, body: bytes) -> Export:
    found: Any = await (site.run_slow(load, body) if site.run_slow else asyncio.to_thread(load, body))
    if isinstance(found, Fault):
        raise Refused(found)
    export: Export = found
    return export


async def _tell(socket: WebSocket, site: Site) -> None:
    """One request, its points, and the end."""
    asked = ask(await asyncio.wait_for(socket.receive_text(), PATIENCE))
    points = asked if isinstance(asked, Fault) else await select(site.pool, asked)
    if isinstance(points, Fault) or isinstance(asked, Fault):
        fault = points if isinstance(points, Fault) else NO_FILE
        await socket.send_text(encoder.encode({"error": fault.text, "code": fault.code, "help": fault.help}).decode())
        await socket.close()
        return
    await _send(socket, asked, await asyncio.to_thread(_lines, points, asked, _zone()))
    await socket.close()


def _lines(points: Any, asked: Asked, zone: Any) -> list[str]:
    return [encoder.encode(told(point, zone, iso=True)).decode() for point in smoothed(points, asked.smooth)]


async def _send(socket: WebSocket, asked: Asked, lines: list[str]) -> None:
    """Sends line by line: by the clock where a pace is asked for, else as the reader takes them."""
    clock = asyncio.get_running_loop()
    began = clock.time()
    for number, line in enumerate(lines):
        if asked.pace:
            await asyncio.sleep(max(0.0, began + number / asked.pace - clock.time()))
        await asyncio.wait_for(socket.send_text(line), PATIENCE)


def _zone() -> ZoneInfo | None:
    """The zone of the recorders, where the site states one (`ISTHMUS_ECG_ZONE`)."""
    try:
        return ZoneInfo(os.environ["ISTHMUS_ECG_ZONE"])
    except (KeyError, ValueError, ZoneInfoNotFoundError):
        return None


def _foreign(socket: WebSocket, site: Site) -> bool:
    """Whether a browser calls for a page of another site: browsers would let it read what is said."""
    origin = socket.headers.get("origin")
    return (
        bool(origin)
        and urlsplit(origin).netloc != socket.headers.get("host", "")
        and origin not in site.settings.get("origins", ())
    )
