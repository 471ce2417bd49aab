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
    """Options of an MLLP listener. Times are in seconds; an `idle_timeout` of 0 keeps idle connections for ever, and
    certificates are looked at again every `reload_every`.

    `processing` are the values of MSH-11 that are taken (`*` for all), `types` the messages (`ORU^R01`, `ADT^*`; none for all),
    `senders` the MSH-3|MSH-4 a certificate's name may use, `allow` addresses or networks. `max_memory` is what blocks still
    coming may hold, all connections together. `charset` overrides MSH-18;
    `fallback` is tried when bytes do not fit it.
    """

    listen: str
    acknowledge: Literal["when stored", "when processed"] = "when stored"
    mode: Literal["as asked", "original", "enhanced"] = "as asked"
    application_answers: Literal["elsewhere", "here"] = "elsewhere"
    application: str = ""
    facility: str = ""
    max_frame: int = MAX_FRAME
    max_memory: int = 256 * 1024 * 1024
    max_connections: int = 512
    max_connections_per_peer: int = 64
    idle_timeout: float = 0.0
    frame_timeout: float = 30.0
    ack_timeout: float = 30.0
    write_timeout: float = 30.0
    handshake_timeout: float = 10.0
    reload_every: float = 60.0
    tls: Tls | None = None
    allow: tuple[str, ...] = ()
    senders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    processing: tuple[str, ...] = ("P",)
    types: tuple[str, ...] = ()
    control_id: Literal["required", "optional"] = "required"
    filtered: Literal["AA", "AE", "AR"] = "AA"
    batches: Literal["all", "errors", "none"] = "all"
    charset: str | None = None
    fallback: str | None = None

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
