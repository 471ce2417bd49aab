"""Applications that answer below a path of their own, past the framework's routing: for what is called thousands of times a second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.fault import Fault

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Told = Callable[[int, Fault], tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Mount:
    """What a routes plug-in returns instead of a router. `told` writes a refusal as (media type, body) of its own protocol."""

    prefix: str  # /fhir/R4
    asgi: Asgi
    told: Told | None = None
    stop: Callable[[], Awaitable[None]] | None = None
    paths: Mapping[str, Any] = field(default_factory=dict)  # OpenAPI path items


class Front:
    """Sends a request to the mount its path lies below, else to the application."""

    def __init__(self, app: Asgi, mounts: Sequence[tuple[str, Asgi]]) -> None:
        self.app = app
        self.mounts = [(prefix, f"{prefix}/", asgi) for prefix, asgi in mounts]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            path = scope["path"]
            for prefix, below, asgi in self.mounts:
                if path.startswith(below) or path == prefix:
                    await asgi(scope, receive, send)
                    return
        await self.app(scope, receive, send)
