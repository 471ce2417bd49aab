"""The source `mllp`: HL7 v2 messages over MLLP, from an address others connect to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adapters.hl7v2.ack import Party
from adapters.hl7v2.charset import codec_of
from adapters.hl7v2.framing import MAX_FRAME
from adapters.hl7v2.inbound import Rules
from adapters.hl7v2.policy import Policy
from adapters.hl7v2.server import Listener
from adapters.safe_tls import Tls, server_context
from engine.fault import Fault, Kind
from engine.types import Intake, Running, Site

_ADDRESS = re.compile(r"(?:tcp:)?(?:\[(?P<six>[0-9a-fA-F:.%]+)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Mllp:
    """Listens for HL7 v2 messages over MLLP."""

    listen: str  # tcp:host:port; tcp::port is all addresses
    acknowledge: Literal["when stored", "when processed"] = "when stored"  # once it is durable, or once it is worked
    mode: Literal["as asked", "original", "enhanced"] = "as asked"  # what MSH-15 and MSH-16 ask for, or always one
    application_answers: Literal["elsewhere", "here"] = "elsewhere"  # in enhanced mode: by another channel, or here
    application: str = ""  # MSH-3 of the answers; else what the message calls us
    facility: str = ""  # MSH-4 of the answers; else what the message calls us
    max_frame: int = MAX_FRAME  # bytes of one message
    max_memory: int = 256 * 1024 * 1024  # bytes of all messages coming or not stored yet, all connections together
    max_connections: int = 512  # at once
    max_connections_per_peer: int = 64  # at once from one address
    idle_timeout: float = 0.0  # seconds without a message until it is closed; 0 never closes
    frame_timeout: float = 30.0  # seconds a message may take to come
    ack_timeout: float = 30.0  # seconds an answer may take; then the connection is closed without one
    write_timeout: float = 30.0  # seconds a sender may leave its answers unread
    handshake_timeout: float = 10.0  # seconds TLS may take
    reload_every: float = 60.0  # seconds between looks at the certificate files
    tls: Tls | None = None  # cert, key, ca for client certificates, names they may bear
    allow: tuple[str, ...] = ()  # addresses or networks that may connect; none for all
    senders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # MSH-3|MSH-4 by the certificate's name for them
    processing: tuple[str, ...] = ("P",)  # values of MSH-11 that are taken; * for all
    types: tuple[str, ...] = ()  # messages that are taken, such as ORU^R01 or ADT^*; none for all of HL7 and local ones
    control_id: Literal["required", "optional"] = "required"  # whether MSH-10 must stand
    filtered: Literal["AA", "AE", "AR"] = "AA"  # the answer to what the channel does not accept
    batches: Literal["all", "errors", "none"] = "all"  # which messages of a batch its answer names
    charset: str | None = None  # instead of MSH-18's
    fallback: str | None = None  # the character set tried when bytes do not fit the declared one

    def check(self) -> Fault | None:
        """What is wrong with the options before anything is opened."""
        address = parse_address(self.listen)
        return address if isinstance(address, Fault) else None

    async def serve(self, channel: str, site: Site, intake: Intake) -> Running | Fault:
        """Binds and starts; a Fault says why it could not."""
        address = parse_address(self.listen)
        if isinstance(address, Fault):
            return address
        codec = codec_of(self.charset) if self.charset else ""
        fallback = codec_of(self.fallback) if self.fallback else ""
        context = server_context(self.tls) if self.tls else None
        for wrong in (codec, fallback, context):
            if isinstance(wrong, Fault):
                return wrong
        listener = Listener(self, self.rules(channel), site, intake)
        fault = await listener.start(*address, context if not isinstance(context, Fault) else None)
        return fault or listener

    def rules(self, channel: str) -> Rules:
        """The options as the sans-IO part wants them."""
        fallback = codec_of(self.fallback) if self.fallback else None
        policy = Policy(
            processing=self.processing,
            types=self.types,
            senders=self.senders,
            control_id_optional=self.control_id == "optional",
            charset=self.charset,
            fallback=fallback if isinstance(fallback, str) else None,
        )
        return Rules(
            channel=channel,
            policy=policy,
            own=Party(self.application, self.facility),
            mode="" if self.mode == "as asked" else self.mode,
            processed=self.acknowledge == "when processed",
            filtered=self.filtered,
            batches=self.batches,
            here=self.application_answers == "here",
        )


def parse_address(text: str) -> tuple[str, int] | Fault:
    """(host, port) of `tcp:host:port`, `tcp:[::1]:port` or `tcp::port` for all addresses."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or int(found["port"]) > 65535:
        return Fault(Kind.INCORRECT, "E107", "this is not an address", "listen", "An address is like tcp:127.0.0.1:2575.")
    return found["six"] or found["host"] or "", int(found["port"])
