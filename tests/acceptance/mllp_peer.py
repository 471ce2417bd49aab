"""What protocol tests of the MLLP listener share: a listener on a free port, an intake in memory, and a bare client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from adapters.hl7v2.framing import Frame, Framer, wrap
from adapters.hl7v2.server import Listener
from adapters.hl7v2.source import Mllp
from engine.fault import Fault
from engine.types import Arrival, Outcome, Receipt, Site, State


class Memory:
    """An intake for protocol tests only: keeps arrivals in a list, knows duplicates, and can be told to be away or slow."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.seen: dict[tuple[str, str], Arrival] = {}
        self.fault: Fault | None = None
        self.outcome: Outcome | Fault = Outcome(State.PROCESSED)
        self.gate = asyncio.Event()
        self.gate.set()
        self.may_store = asyncio.Event()
        self.may_store.set()
        self.batches: list[int] = []

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        await self.may_store.wait()
        if self.fault:
            return [self.fault] * len(arrivals)
        self.batches.append(len(arrivals))
        return [self._one(arrival) for arrival in arrivals]

    def _one(self, arrival: Arrival) -> Receipt:
        key = (arrival.envelope.sender, arrival.envelope.control_id)
        known = self.seen.get(key) if arrival.envelope.control_id else None
        if known and known.body == arrival.body:
            return Receipt(known.id, duplicate=True, fault=known.fault)
        self.seen[key] = arrival
        self.arrivals.append(arrival)
        return Receipt(arrival.id, reused=known is not None, fault=arrival.fault)

    async def settled(self, id: UUID, timeout: float) -> Outcome | Fault:
        return self.outcome

    async def ready(self) -> None:
        await self.gate.wait()

    @property
    def bodies(self) -> list[bytes]:
        return [arrival.body for arrival in self.arrivals]


def site(**settings: Any) -> Site:
    """A site without formats and mappings, with a real clock."""
    return Site({}, {}, settings, lambda: datetime.now(UTC), uuid4)


@asynccontextmanager
async def listening(intake: Memory, **options: Any) -> AsyncIterator[Listener]:
    """A listener on a free port of the loopback."""
    found = await Mllp("tcp:127.0.0.1:0", **options).serve("test", site(), intake)
    assert isinstance(found, Listener), found
    try:
        yield found
    finally:
        await found.drain(5)


class Peer:
    """A client that sends bytes and reads blocks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.framer = Framer(64 * 1024 * 1024)
        self.found: list[bytes] = []

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> bytes | None:
        """The next block; None at the end of the stream."""
        while not self.found:
            data = await asyncio.wait_for(self.reader.read(65536), 20)
            if not data:
                return None
            self.found += [item.body for item in self.framer.feed(data) if isinstance(item, Frame)]
        return self.found.pop(0)

    async def answers(self, number: int) -> list[tuple[str, str]]:
        """(MSA-1, MSA-2) of the next answers."""
        return [msa(await self.answer()) for _ in range(number)]

    async def is_closed(self) -> bool:
        """True when the other side has ended the stream with nothing more to say."""
        try:
            return await self.answer() is None
        except ConnectionError:
            return True

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, OSError):
            return


def msa(answer: bytes | None) -> tuple[str, str]:
    """(MSA-1, MSA-2) of an answer."""
    assert answer is not None, "the connection was closed without an answer"
    field = answer[3:4]
    fields = next(line for line in answer.split(b"\r") if line.startswith(b"MSA")).split(field)
    return fields[1].decode(), fields[2].decode("latin-1") if len(fields) > 2 else ""


async def connect(listener: Listener, **options: Any) -> Peer:
    """A client of a listener."""
    host, _, port = listener.address.removeprefix("tcp:").rpartition(":")
    return Peer(*await asyncio.open_connection(host, int(port), limit=1 << 26, **options))


def message(number: str = "M1", kind: str = "ORU^R01^ORU_R01", *segments: str, mode: str = "P", extra: str = "") -> bytes:
    """A small message with its own control id."""
    head = rf"MSH|^~\&|LAB|HOSP|EHR|HOSP|20240102030405||{kind}|{number}|{mode}|2.5.1{extra}"
    return "".join(line + "\r" for line in (head, *(segments or ("PID|1||123", "OBR|1", "OBX|1|NM|A||1")))).encode()


def block(number: str = "M1", **options: Any) -> bytes:
    """A small message in its block."""
    return wrap(message(number, **options))
