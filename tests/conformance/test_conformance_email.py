"""E-mail against an SMTP server on loopback: see engine.deliver.conformance."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP

from adapters.notify.email import Email
from engine.deliver.conformance import CANARY, Conformance, Far
from engine.types import Parcel
from tests.conformance.parcels import parcel


@dataclass
class MailFar:
    """An SMTP server (aiosmtpd) that behaves as it is told."""

    destination: Any = None
    how: str = "accept"
    taken: dict[str, bytes] = field(default_factory=dict)
    transports: list[asyncio.BaseTransport] = field(default_factory=list)

    def behave(self, how: str) -> None:
        self.how = how

    def effects(self) -> list[str]:
        return list(self.taken)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.how == "refuse":
            return "550 5.1.1 no such user"
        if self.how == "fail":
            return "451 4.3.0 later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.how == "hang":
            await asyncio.Event().wait()
        if self.how == "close":
            server.transport.abort()
            return "250 OK"
        if self.how == "flood":
            while not server.transport.is_closing():
                await server.push("250-" + "x" * 900)
        head = envelope.content.split(b"\r\n\r\n")[0].decode()
        [id] = [line for line in head.split("\r\n") if line.startswith("Message-ID: ")]
        self.taken[id] = envelope.content
        return "250 OK"


class TestEmail(Conformance):
    plugin = Email

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        made = MailFar()

        class Server(SMTP):
            def connection_made(self, transport: Any) -> None:
                made.transports.append(transport)
                super().connection_made(transport)

        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Server(made, hostname="localhost"), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        made.destination = Email(
            f"127.0.0.1:{port}", "isthmus@example.org", ("ward@example.org",), "{title} {message}", security="none", timeout=0.8
        )
        try:
            yield made
        finally:
            server.close()
            for transport in made.transports:
                transport.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def parcel(self, number: int) -> Parcel:
        return parcel(number, json.dumps({"title": f"High {number}", "patient": CANARY}).encode(), "application/json")
