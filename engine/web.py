"""The HTTP server: uvicorn inside the engine's own loop, bound before it is announced."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import uvicorn
from fastapi import APIRouter

from engine.fault import Fault, Kind
from engine.home import new_token
from engine.http import Deploy, Status, build
from engine.log import log
from engine.operator import Guard
from engine.settings import Settings
from engine.types import Site
from engine.web_socket import Socket

EXPOSED = (
    "HTTP LISTENS BEYOND LOOPBACK WITHOUT SIGN-IN OR TLS: whoever reaches this address reads and changes patients' data;"
    " put a gateway in front of it, or listen on 127.0.0.1"
)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Server(uvicorn.Server):
    """Leaves the signals to the engine."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Web:
    """A bound HTTP server; `address` is what it really listens on."""

    def __init__(
        self, site: Site, settings: Settings, status: Status, deploy: Deploy, more: Sequence[Callable[[Guard], APIRouter]] = ()
    ) -> None:
        self.token = new_token()
        self._settings = settings
        self.address = ""
        app, self._mounts = build(site, status, deploy, self.token, more)
        config = uvicorn.Config(
            app,
            log_config=None, access_log=False, lifespan="off", server_header=False, http="httptools",
            timeout_keep_alive=75, timeout_graceful_shutdown=10, h11_max_incomplete_event_size=65536,
            ws=Socket, ws_max_size=1 << 16, ws_per_message_deflate=False,
        )  # fmt: skip
        self._server = _Server(config)
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> Fault | None:
        """Binds and serves; a taken port is a fault, not a traceback."""
        host, port = self._settings.http_host, self._settings.http_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as error:
            bound.close()
            text = f"the HTTP address cannot be bound: {error.strerror}"
            return Fault(Kind.UNAVAILABLE, "E913", text, f"{host}:{port}", "name another with --http host:port")
        bound.listen(512)
        if not is_loopback(host):
            log(EXPOSED, "warning", address=host, port=bound.getsockname()[1])
        self.address = f"http://{host if family == socket.AF_INET else f'[{host}]'}:{bound.getsockname()[1]}"
        self._task = asyncio.create_task(self._server.serve([bound]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.005)
        return None

    async def stop(self) -> None:
        """Finishes open requests and closes."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        for mount in self._mounts:
            if mount.stop is not None:
                await mount.stop()
