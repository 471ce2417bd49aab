"""Every destination that ships, against a real peer on loopback: see engine.deliver.conformance."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from websockets.asyncio.server import ServerConnection, serve

from adapters.files.destination import File
from adapters.hl7v2.destination import Mllp
from adapters.hl7v2.framing import Frame, Framer, wrap
from adapters.http.fhir_rest import FhirRest
from adapters.http.webhook import Webhook
from adapters.notify.email import Email
from adapters.notify.slack import Slack
from adapters.websocket.destination import Websocket
from engine.deliver.conformance import CANARY, Conformance, Far
from engine.deliver.feed import Feed
from engine.fault import Fault, Kind
from engine.types import Parcel, Site
from tests.acceptance.mllp_peer import Memory, message
from tests.conformance.http_peer import Answer, Peer, Request, as_json, peer

LOOPBACK = ("127.0.0.0/8",)


def parcel(number: int, body: bytes, kind: str) -> Parcel:
    return Parcel(
        "lab.out", f"p{number}", f"lab.out|{number}|0", body, kind, {"message": f"m{number}", "channel": "lab", "type": "ORU^R01"}
    )


@dataclass
class HttpFar:
    """A peer with what it has taken."""

    peer: Peer
    destination: Any
    taken: list[str] = field(default_factory=list)

    def behave(self, how: str) -> None:
        self.peer.how = how

    def effects(self) -> list[str]:
        return self.taken


class TestWebhook(Conformance):
    plugin = Webhook

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        taken: list[str] = []

        def takes(request: Request) -> Answer:
            key = request.headers["idempotency-key"]
            if key not in taken:
                taken.append(key)
            return as_json({"taken": True})

        async with peer(takes) as one:
            yield HttpFar(one, Webhook(f"{one.url}/hook", secret="a long enough secret", timeout=0.6, allow=LOOPBACK), taken)

    def parcel(self, number: int) -> Parcel:
        return parcel(number, json.dumps({"number": number, "name": CANARY}).encode(), "application/json")


class FhirConformance(Conformance):
    plugin = FhirRest
    write = "transaction"

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        taken: list[str] = []

        def note(name: str) -> None:
            if name not in taken:
                taken.append(name)

        def takes(request: Request) -> Answer:
            body = json.loads(request.body)
            if body["resourceType"] == "Bundle":
                for entry in body["entry"]:
                    note(entry["request"].get("ifNoneExist") or entry["request"]["url"])
                return as_json({"resourceType": "Bundle", "type": "transaction-response"}, 200, "application/fhir+json")
            note(request.headers.get("if-none-exist") or request.path)
            return 201, {"Location": f"http://127.0.0.1{request.path}/1"}, b""

        async with peer(takes) as one:
            options: Any = {"write": self.write, "timeout": 0.6, "allow": LOOPBACK}
            yield HttpFar(one, FhirRest(f"{one.url}/r4/", **options), taken)

    def parcel(self, number: int) -> Parcel:
        body = {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": CANARY}]}
        return parcel(number, json.dumps(body).encode(), "application/fhir+json")


class TestFhirTransaction(FhirConformance):
    pass


class TestFhirUpdate(FhirConformance):
    write = "update"


class TestFhirCreate(FhirConformance):
    write = "create"


class TestSlack(Conformance):
    plugin = Slack
    keyed = False

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        taken: list[str] = []

        def takes(request: Request) -> Answer:
            taken.append(json.loads(request.body)["text"])
            return 200, {}, b"ok"

        async with peer(takes) as one:
            text = "{title} {message}"
            yield HttpFar(one, Slack(f"{one.url}/services/T0/B0/secret", text, timeout=0.6, allow=LOOPBACK), taken)

    def parcel(self, number: int) -> Parcel:
        return parcel(number, json.dumps({"title": f"High {number}", "patient": CANARY}).encode(), "application/json")


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


@dataclass
class FolderFar:
    """A folder; where it fails, it is not there."""

    folder: Path
    destination: Any

    def behave(self, how: str) -> None:
        away = self.folder.with_name("away")
        if how == "fail":
            self.folder.rename(away)
        elif away.exists():
            away.rename(self.folder)

    def effects(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


class TestFile(Conformance):
    plugin = File
    behaviours = ("fail",)

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.place = tmp_path / "out"
        self.place.mkdir()

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        yield FolderFar(self.place, File(str(self.place)))

    def parcel(self, number: int) -> Parcel:
        return parcel(number, CANARY.encode(), "application/hl7-v2")


@dataclass
class IntakeFar:
    """An intake."""

    intake: Memory
    destination: Any

    def behave(self, how: str) -> None:
        self.intake.fault = Fault(Kind.UNAVAILABLE, "E620", "the database is away") if how == "fail" else None

    def effects(self) -> list[str]:
        return [one.envelope.control_id for one in self.intake.arrivals]


class TestFeed(Conformance):
    plugin = Feed
    behaviours = ("fail",)

    @pytest.fixture(autouse=True)
    def fresh(self) -> None:
        self.intake: Memory | None = None

    def site(self) -> Site:
        return replace(super().site(), intake=self.intake)

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        self.intake = Memory()
        yield IntakeFar(self.intake, Feed("archive"))

    def parcel(self, number: int) -> Parcel:
        return parcel(number, CANARY.encode(), "application/hl7-v2")
