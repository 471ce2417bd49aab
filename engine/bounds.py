"""Bounds around every HTTP request: body size counted as it streams, compressed bodies refused, headers that protect browsers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from engine.fault import Fault, Kind

Scope = dict[str, Any]
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


def problem(status: int, fault: Fault) -> tuple[bytes, bytes]:
    """A fault as problem details: media type and body."""
    row = {"type": f"urn:isthmus:fault:{fault.code}", "title": fault.text, "status": status, **fault.as_dict()}
    return b"application/problem+json", json.dumps(row).encode()


class Bounded:
    """Wraps an ASGI application; a body over `limit` bytes is refused with 413 whatever Content-Length says."""

    def __init__(self, app: Any, limit: int, told: Callable[[int, Fault], tuple[bytes, bytes]] = problem) -> None:
        self.app, self.limit, self.told = app, limit, told

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity") not in (b"", b"identity"):
            await _refuse(send, 415, *self.told(415, _ENCODED))
            return
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared[:20]) > self.limit:
            await _refuse(send, 413, *self.told(413, _LARGE))
            return
        taken, started, refused = 0, False, False

        async def bounded_receive() -> Any:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.limit:
                raise _TooLarge
            return message

        async def bounded_send(message: Any) -> None:
            nonlocal started, refused
            if taken > self.limit and not started:  # the application made an answer of its own out of what it was told
                if not refused:
                    refused = True
                    await _refuse(send, 413, *self.told(413, _LARGE))
                return
            if message["type"] == "http.response.start":
                started = True
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(row for row in HEADERS if row[0] not in present)]
            await send(message)

        try:
            await self.app(scope, bounded_receive, bounded_send)
        except _TooLarge:
            if not started and not refused:
                await _refuse(send, 413, *self.told(413, _LARGE))


class _TooLarge(Exception):
    pass


_LARGE = Fault(Kind.INCORRECT, "E906", "the body is larger than this server takes", help="split it, or raise the limit")
_ENCODED = Fault(Kind.UNSUPPORTED, "E907", "compressed bodies are not taken", help="send it without Content-Encoding")


async def _refuse(send: Any, status: int, media: bytes, body: bytes) -> None:
    head = [
        (b"content-type", media),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
