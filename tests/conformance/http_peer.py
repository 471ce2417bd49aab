"""A receiver of HTTP on loopback that behaves as a test says, and remembers what took effect."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

STATUS = {"accept": 200, "refuse": 422, "fail": 503}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = tuple[int, dict[str, str], bytes]


@dataclass(slots=True)
class Peer:
    """A receiver. `takes` is called for what is accepted, and gives the answer."""

    takes: Callable[[Request], Answer]
    how: str = "accept"
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        try:
            while (request := await read(reader)) is not None:
                self.requests.append(request)
                if not await self.answer(request, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        if self.how == "hang":
            await asyncio.Event().wait()
        if self.how == "close":
            return False
        if self.how == "flood":
            self.takes(request)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
        if self.how.isdigit() or self.how in ("refuse", "fail"):
            status, headers, body = int(STATUS.get(self.how) or self.how), {"Location": "http://127.0.0.1:1/else"}, b"no"
        else:
            status, headers, body = self.takes(request)
        lines = [
            f"HTTP/1.1 {status} Said",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        return True


async def read(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None at the end."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body)


@asynccontextmanager
async def peer(takes: Callable[[Request], Answer], tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A receiver on a free port."""
    made = Peer(takes)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for writer in list(made.writers):
            writer.transport.abort()
        await asyncio.sleep(0)


def as_json(value: object, status: int = 200, media: str = "application/json") -> Answer:
    """An answer in JSON."""
    return status, {"Content-Type": media}, json.dumps(value).encode()
