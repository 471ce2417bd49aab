"""A thousand readers, one of which never reads: memory stays bounded, the one is cut, and all others get every event in order (R24)."""

from __future__ import annotations

import asyncio
import json
import resource
from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.integration.websocket.feed_server import Feed, event, feeding
from tests.integration.websocket.test_feed import deaf

READERS, EVENTS, LARGE = 1_000, 24, 60_000
MEMORY = 150 * 1024  # kB more than before, for a thousand sockets at both ends


class Reader(asyncio.Protocol):
    """A WebSocket client in a few lines, cheap enough to be a thousand: keeps the numbers of the events it is told."""

    def __init__(self, query: str, host: str) -> None:
        self.hello = asyncio.get_running_loop().create_future()
        self.request = (
            f"GET /ws/feed?{query} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        self.buffer, self.opened = bytearray(), False
        self.numbers: list[int] = []
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.transport.write(self.request)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.opened:
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.opened, self.buffer = True, bytearray(rest)
        while (frame := self.frame()) is not None:
            told = json.loads(frame)
            if "hello" in told:
                self.hello.set_result(None)
            elif "data" in told:
                self.numbers.append(told["data"]["n"])

    def frame(self) -> bytes | None:
        """The next text frame (RFC 6455 section 5.2; a server's are not masked, and these are not fragmented)."""
        if len(self.buffer) < 2:
            return None
        short = self.buffer[1] & 0x7F
        wide = {126: 2, 127: 8}.get(short, 0)
        size = int.from_bytes(self.buffer[2 : 2 + wide], "big") if wide else short
        if len(self.buffer) < 2 + wide + size:
            return None
        found, kind = bytes(self.buffer[2 + wide : 2 + wide + size]), self.buffer[0] & 0x0F
        del self.buffer[: 2 + wide + size]
        return found if kind == 1 else b"{}"


@pytest.fixture(autouse=True)
def files() -> None:
    """Room for two sockets a reader."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * READERS + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def metric(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


def memory() -> int:
    """This process's resident memory in kB; both ends of every socket are in it."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


async def join(feed: Feed) -> list[Reader]:
    """All readers, a hundred at a time."""
    loop, found = asyncio.get_running_loop(), []
    host, _, port = feed.address.partition(":")
    for _ in range(0, READERS, 100):
        some = [await loop.create_connection(lambda: Reader("topic=labs", feed.address), host, int(port)) for _ in range(100)]
        found += [reader for _, reader in some]
        await asyncio.wait_for(asyncio.gather(*(reader.hello for _, reader in some)), 60)
    return found


async def until(check: Any, what: str) -> None:
    for _ in range(6000):
        if check():
            return
        await asyncio.sleep(0.01)
    pytest.fail(what)


def test_of_a_thousand_readers_only_the_one_that_never_reads_is_cut(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed:
            cut, began = metric("engine_ws_dropped_total"), memory()
            readers = await join(feed)
            _, silent = await deaf(feed, "topic=labs&topic=bulk")
            await until(lambda: metric("engine_ws_clients") == READERS + 1, "not all readers joined")
            for n in range(EVENTS):  # what only the silent one asks for fills it up between
                bulk = (event(n, "bulk", text="x" * LARGE) for _ in range(6))
                await asyncio.to_thread(feed.publish, event(n), *bulk)
            await until(lambda: metric("engine_ws_dropped_total") == cut + 1, "the silent reader was not cut")
            await until(lambda: all(len(reader.numbers) == EVENTS for reader in readers), "not every reader got every event")
            assert all(reader.numbers == list(range(EVENTS)) for reader in readers)
            assert not any(reader.lost for reader in readers)
            assert feed.held() < 1_000_000
            assert memory() - began < MEMORY
            for reader in readers:
                reader.transport.abort()
            silent.transport.abort()

    asyncio.run(run())
