"""The route `/ws/feed`: who may read, the handshake, and the life of one socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from adapters.websocket.ask import Asked, ask
from adapters.websocket.event import hello
from adapters.websocket.hub import AWAY, BEAT, Hub
from adapters.websocket.reader import Ended, Reader
from engine.fault import Fault, Kind
from engine.origins import origin
from engine.types import Site

PATH = "/ws/feed"
FRAMES = 100  # a reader has nothing to say; more than this is a flood
SLOW_START = 30.0  # seconds a resuming reader may take for one event
CHATTY = Fault(Kind.INCORRECT, "E761", "a feed is for reading: the reader sends too much")
_log = logging.getLogger("isthmus.feeds")


def routes(site: Site) -> APIRouter:
    """The feed of one process."""
    hub = Hub(site.pool, site.after_commit, float(site.settings.get("heartbeat", BEAT)))
    allowed = tuple(site.settings.get("origins", ()))
    router = APIRouter()

    @router.websocket(PATH)
    async def feed(socket: WebSocket) -> None:
        asked = origin(socket.headers, allowed) or ask(socket.url.query)
        refused = asked if isinstance(asked, Fault) else await _admit(hub, asked)
        if refused is not None or isinstance(asked, Fault):
            await _refuse(socket, refused or CHATTY)
            return
        await _serve(socket, hub, asked)

    return router


async def _admit(hub: Hub, asked: Asked) -> Fault | None:
    """Why the reader cannot be told what it asks for; None when it can."""
    try:
        return await hub.start() or (None if asked.after is None else await hub.reach(asked.after))
    except Exception as error:
        _log.warning("a reader of the feeds found no database", extra={"fields": {"reason": type(error).__name__}})
        return AWAY


async def _serve(socket: WebSocket, hub: Hub, asked: Asked) -> None:
    await socket.accept()
    reader = Reader(asked.wanted)
    listening = asyncio.create_task(_listen(socket))
    telling = asyncio.create_task(_tell(socket, hub, reader, asked.after))
    try:
        await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.leave(reader)
        fault = reader.cut or _reason(listening, telling)
        for task in (listening, telling):
            task.cancel()
        await asyncio.gather(listening, telling, return_exceptions=True)
        await _close(socket, fault)


async def _tell(socket: WebSocket, hub: Hub, reader: Reader, after: int | None) -> None:
    """Sends what was missed, then what is new, until the reader ends."""
    start = hub.position if after is None else after
    oldest = hub.oldest if after is None else await hub.oldest_kept()
    watch = asyncio.current_task()
    reader.on_end = watch.cancel if watch is not None else None
    await socket.send_text(hello(reader.wanted, start, oldest, start + 1 < oldest))
    async for text in hub.join(reader, start):
        await asyncio.wait_for(socket.send_text(text), SLOW_START)
    with contextlib.suppress(Ended):
        while True:
            text = await reader.next()
            reader.sending = True
            await socket.send_text(text)
            reader.sending = False


def _reason(listening: asyncio.Task[Fault | None], telling: asyncio.Task[None]) -> Fault | None:
    """Why a socket ended that was not cut off; None when its reader left."""
    if listening.done() and not listening.cancelled():
        return None if listening.exception() else listening.result()
    error = telling.exception() if telling.done() and not telling.cancelled() else None
    if error is None or isinstance(error, WebSocketDisconnect | OSError):
        return None
    _log.warning("a feed ended early", extra={"fields": {"reason": type(error).__name__}})
    return AWAY


async def _listen(socket: WebSocket) -> Fault | None:
    """Takes what the reader sends and does nothing with it; returns when it has gone, or says too much."""
    for _ in range(FRAMES):
        if (await socket.receive())["type"] == "websocket.disconnect":
            return None
    return CHATTY


async def _close(socket: WebSocket, fault: Fault | None) -> None:
    """Says why, if the socket still takes it, and lets go of it at once if not."""
    code = 1000 if fault is None else 1013 if fault.kind.answer.retry else 1008
    reason = "" if fault is None else f"{fault.code} {fault.text}"[:120]
    with contextlib.suppress(Exception):  # too late, or the other side has gone: what follows lets go of it either way
        await asyncio.wait_for(socket.close(code, reason), 1.0)
    abort: Any = getattr(socket.state, "abort", None)
    if fault is not None and fault.kind.answer.retry and abort is not None:
        abort()


async def _refuse(socket: WebSocket, fault: Fault) -> None:
    """Answers the handshake with problem details (RFC 9457)."""
    status = fault.kind.answer.http
    body = {"type": f"urn:isthmus:fault:{fault.code}", "title": fault.text, "status": status, **fault.as_dict()}
    await socket.send_denial_response(Response(json.dumps(body), status, media_type="application/problem+json"))
