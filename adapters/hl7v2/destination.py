"""The destination `mllp`: delivers HL7 v2 messages to a receiver, and believes only its matching acknowledgement."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from adapters.hl7v2 import charset as charsets
from adapters.hl7v2 import er7
from adapters.hl7v2.client import Link, Reply
from adapters.hl7v2.escape import ABSENT
from adapters.hl7v2.header import read_header
from adapters.hl7v2.source import parse_address
from adapters.safe_tls import Tls, client_context
from engine.fault import Fault, Kind
from engine.types import JSON, Parcel, Sender, Site


@dataclass(frozen=True, slots=True)
class Mllp:
    """Sends HL7 v2 messages over MLLP. Times are in seconds.

    `charset` (a name of table 0211) is what the receiver reads: messages are written in it and MSH-18 says so. With
    `application_answer` a delivery is done when the receiver's application has answered, not when it has accepted.
    """

    takes: ClassVar[str] = "hl7v2"  # nothing else can be sent

    connect: str  # tcp:ehr.example.org:6661
    timeout: float = 30.0  # seconds for the answer
    connect_timeout: float = 10.0  # seconds
    connections: int = 1  # kept at once, each with one message in flight; keys go side by side over them, each in its order
    tls: Tls | None = None  # ca, and cert and key where the receiver asks for them
    charset: str = ""  # of table 0211: what the receiver reads; as it is when not stated
    application_answer: bool = False  # wait for the application's answer after CA

    def check(self) -> Fault | None:
        """What is wrong with the options before anything is opened."""
        address = parse_address(self.connect)
        return replace(address, at="connect") if isinstance(address, Fault) else None

    async def open(self, site: Site) -> Sender | Fault:
        """Checks the options; the connection itself is made when there is something to send."""
        address = parse_address(self.connect)
        if isinstance(address, Fault):
            return address
        context = client_context(self.tls) if self.tls else None
        codec = charsets.codec_of(self.charset) if self.charset else ""
        for wrong in (context, codec):
            if isinstance(wrong, Fault):
                return wrong
        return MllpSender(self, address, context if isinstance(context, ssl.SSLContext) else None)


class MllpSender:
    """An open way to one receiver: a few connections, each with one message in flight."""

    def __init__(self, options: Mllp, address: tuple[str, int], context: ssl.SSLContext | None) -> None:
        self._options = options
        name = options.tls.server_name if options.tls else ""
        self._links = [Link(*address, context, name, options.connect_timeout) for _ in range(max(options.connections, 1))]
        self._free: asyncio.Queue[Link] = asyncio.Queue()
        for link in self._links:
            self._free.put_nowait(link)

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Delivers one message; the receipt holds the acknowledgement."""
        body = for_wire(parcel.body, self._options.charset)
        if isinstance(body, Fault):
            return body
        link = await self._free.get()
        try:
            reply = await link.ask(body, self._options.timeout, self._options.application_answer)
        finally:
            self._free.put_nowait(link)
        if isinstance(reply, Fault):
            return reply
        return receipt(reply)

    async def close(self) -> None:
        """Closes the connections."""
        for link in self._links:
            await link.close()


def receipt(reply: Reply) -> dict[str, Any]:
    """The receiver's word as plain data; `awaiting` while its application may still answer elsewhere."""
    found: dict[str, Any] = {"code": reply.code, "control_id": reply.control_id, "answer": reply.body[:8192].decode("latin-1")}
    if reply.code == "CA":
        found["awaiting"] = "application"
    return found


def for_wire(body: bytes, charset: str) -> bytes | Fault:
    """The message as it may stand in a block: in the receiver's character set, without the bytes that end a block."""
    if charset:
        body_or_fault = _transcode(body, charset)
        if isinstance(body_or_fault, Fault):
            return body_or_fault
        body = body_or_fault
    if b"\x0b" not in body and b"\x1c" not in body:
        return body
    header = read_header(body)
    if isinstance(header, Fault):
        return header
    escape = "\\" if header.marks.escape == ABSENT else header.marks.escape
    mark = escape.encode()
    return body.replace(b"\x0b", mark + b"X0B" + mark).replace(b"\x1c", mark + b"X1C" + mark)


def _transcode(body: bytes, charset: str) -> bytes | Fault:
    message, codec = er7.parse(body), charsets.codec_of(charset)
    if isinstance(message, Fault):
        return message
    if isinstance(codec, Fault):
        return codec
    msh = message.segments[0]
    fields = list(msh.fields)
    fields += [""] * (19 - len(fields))
    fields[18] = charset
    head = msh.name + message.delimiters.field + message.delimiters.field.join(fields[2:])
    text = head + message.text[msh.start + len(msh.line) :]
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return _cannot(charset)


def _cannot(charset: str) -> Fault:
    return Fault(
        Kind.INCORRECT, "E136", f"a character cannot be written in {charset}", "MSH-18", "Use the charset UNICODE UTF-8."
    )
