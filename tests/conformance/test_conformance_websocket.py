"""The WebSocket destination against a server on loopback: see engine.deliver.conformance."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from adapters.websocket.destination import Websocket
from engine.deliver.conformance import CANARY, Conformance, Far
from engine.types import Parcel
from tests.conformance.parcels import LOOPBACK, parcel


@dataclass
class SocketFar:
    """A WebSocket server (of the library websockets) that behaves as it is told."""

    pong: bool = False
    destination: Any = None
    how: str = "accept"
    taken: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def behave(self, how: str) -> None:
        self.how = how

    def effects(self) -> list[str]:
        return self.taken

    async def serve(self, peer: ServerConnection) -> None:
        async for frame in peer:
            if self.how == "hang":
                await self.ended.wait()
            if self.how == "close":
                peer.transport.abort()
                return
            id = str(frame) if self.pong else json.loads(frame)["id"]
            if self.how in ("refuse", "fail"):
                await peer.send(json.dumps({"nack": id, **({"retry_after": 0} if self.how == "fail" else {})}))
                continue
            if id not in self.taken or self.pong:
                self.taken.append(id)
            if self.how == "flood":
                await peer.send(endless())
            if not self.pong:
                await peer.send(json.dumps({"ack": id}))


async def endless() -> AsyncIterator[str]:
    while True:
        yield "x" * 16384


class TestWebsocket(Conformance):
    plugin = Websocket

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        made = SocketFar(pong=not self.keyed)
        server = await serve(made.serve, "127.0.0.1", 0)
        [port] = [each.getsockname()[1] for each in server.sockets]
        how: Any = {"acknowledge": "each" if self.keyed else "pong"}
        made.destination = Websocket(url=f"ws://127.0.0.1:{port}/in", timeout=0.6, allow=LOOPBACK, **how)
        try:
            yield made
        finally:
            for one in server.connections:
                one.transport.abort()
            server.close()
            made.ended.set()

    def parcel(self, number: int) -> Parcel:
        return parcel(number, json.dumps({"number": number, "name": CANARY}).encode(), "application/json")


class TestWebsocketWithoutAnswers(TestWebsocket):
    """A server that knows no acknowledgement of ours. A pong says that it has read the frame, not what it did with it."""

    keyed = False
    behaviours = ("flood",)
