"""The MLLP destination against a receiver on loopback: see engine.deliver.conformance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.hl7v2.destination import Mllp
from adapters.hl7v2.framing import Frame, Framer, wrap
from engine.deliver.conformance import CANARY, Conformance, Far
from engine.types import Parcel
from tests.acceptance.mllp_peer import message
from tests.conformance.parcels import parcel


@dataclass
class MllpFar:
    """An MLLP receiver that behaves as it is told."""

    destination: Any = None
    how: str = "accept"
    taken: list[str] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def behave(self, how: str) -> None:
        self.how = how

    def effects(self) -> list[str]:
        return self.taken

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer()
        self.writers.append(writer)
        try:
            while data := await reader.read(65536):
                for item in framer.feed(data):
                    if isinstance(item, Frame) and not await self.answer(item.body, writer):
                        return
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def answer(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        number = body.split(b"|")[9].decode()
        if self.how == "hang":
            await asyncio.Event().wait()
        if self.how == "close":
            return False
        if self.how == "flood":
            writer.write(b"\x0b")
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        code = {"accept": "AA", "refuse": "AE", "fail": "AR"}[self.how]
        if code == "AA" and number not in self.taken:
            self.taken.append(number)
        writer.write(wrap(rf"MSH|^~\&|EHR|||||| |ACK|K1|P|2.5".encode() + f"\rMSA|{code}|{number}\r".encode()))  # noqa: F541
        await writer.drain()
        return True


class TestMllp(Conformance):
    plugin = Mllp

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        made = MllpFar()
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.destination = Mllp(f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=0.6)
        try:
            yield made
        finally:
            server.close()
            for writer in made.writers:
                writer.transport.abort()
            await asyncio.sleep(0)

    def parcel(self, number: int) -> Parcel:
        body = message(f"M{number}", "ORU^R01", f"PID|1||1||{CANARY}")
        return parcel(number, body, "application/hl7-v2")
