"""A WebSocket's protocol as uvicorn has it, hardened: no memory for whoever pings and never reads, no waiting for whoever is gone."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

LINGER = 5.0  # seconds a closed socket may take for what was sent to it


class Socket(WebSocketsSansIOProtocol):
    """Applications find `abort` in the state of their socket: it ends a connection whose peer takes nothing more."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["state"]["abort"] = self.transport.abort

    async def send(self, message: Any) -> None:
        """Knows an answer instead of the handshake for the end that it is: the log would call each an error."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True

    def handle_ping(self) -> None:
        """Answers a ping, unless the peer does not take its answers."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def keepalive_timeout(self) -> None:
        """Ends a connection that does not answer pings, whether it takes the news of it or not."""
        super().keepalive_timeout()
        self.loop.call_later(LINGER, self.transport.abort)
