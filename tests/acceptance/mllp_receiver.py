"""A receiver that a test scripts, and what becomes of what is delivered to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from adapters.hl7v2.destination import Mllp
from adapters.hl7v2.framing import Frame, Framer, wrap
from engine.fault import Fault
from engine.types import Parcel
from tests.acceptance.mllp_peer import message, site

Receiver = Callable[["Far"], Awaitable[None]]


class Far:
    """The far side of one connection, as a test scripts it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.framer = reader, writer, Framer()

    async def message(self) -> bytes:
        """The next message; b'' at the end."""
        while data := await self.reader.read(65536):
            for item in self.framer.feed(data):
                if isinstance(item, Frame):
                    return item.body
        return b""

    def ack(self, code: str = "AA", number: str = "M1", text: str = "") -> None:
        """Sends an acknowledgement."""
        self.raw(wrap(rf"MSH|^~\&|EHR|||||| |ACK|K1|P|2.5".encode() + f"\rMSA|{code}|{number}|{text}\r".encode()))  # noqa: F541

    def raw(self, data: bytes) -> None:
        """Sends bytes."""
        self.writer.write(data)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[tuple[int, list[int]]]:
    """A receiver on a free port; gives the port and a list that grows with each connection."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            await receiver(Far(reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()


def deliver(receiver: Receiver, number: int = 1, timeout: float = 0.4, **options: Any) -> tuple[list[Any], int]:
    """Delivers M1, M2 …; gives the receipts or faults, and how many connections were used."""

    async def main() -> tuple[list[Any], int]:
        async with receiving(receiver) as (port, connections):
            sender = await Mllp(f"tcp:127.0.0.1:{port}", timeout=timeout, **options).open(site())
            assert not isinstance(sender, Fault)
            found = [await sender.send(parcel(f"M{n}")) for n in range(1, number + 1)]
            await sender.close()
            return found, len(connections)

    return asyncio.run(main())


def parcel(number: str) -> Parcel:
    return Parcel("ehr", "123", number, message(number))


def outcome(found: Any) -> str:
    return found.code if isinstance(found, Fault) else found["code"]
