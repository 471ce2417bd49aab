"""The source `http`: bodies posted to a path below /in/ of the engine's own HTTP server.

Listeners stand in the site's registry of paths, so that a deployment adds and removes them while the server goes on. A path that is
being replaced answers "again, please" for a while and not "unknown", so that no caller gives up.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.fault import Fault, Kind
from engine.types import Intake, Running, Site

PREFIX = "/in/"
LINGER = 15.0  # seconds in which a removed path may still come back
_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}){0,9}")


@dataclass(frozen=True, slots=True)
class Http:
    """Listens on a path below /in/ of the engine's HTTP server. Without a token only callers on this machine are served."""

    path: str  # devices is /in/devices
    format: str = "hl7v2"  # hl7v2, json, fhir, csv, xml
    acknowledge: Literal["when stored", "when processed"] = "when stored"  # 202 with the id, or 200 with the result
    token: str = field(default="", repr=False)  # sent as Authorization: Bearer; write it as ${NAME}
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)  # tokens by the name of who bears them
    anyone: bool = False  # serve callers on other machines without a token
    allow: tuple[str, ...] = ()  # addresses or networks that may call; none for all
    max_body: int = 16 * 1024 * 1024  # bytes
    timeout: float = 30.0  # seconds for a body to arrive, and to wait for its result
    crowded: float = 2.0  # seconds a call waits while the engine is behind, before it is told to come again

    async def serve(self, channel: str, site: Site, intake: Intake) -> Running | Fault:
        """Puts the path into the registry; a Fault when it is taken or cannot be one."""
        if not _PATH.fullmatch(self.path):
            return Fault(
                Kind.INCORRECT, "E728", "this cannot be a path", "path", "letters, digits and - _ . ~, parts joined by /"
            )
        if any(len(token) < 16 for token in self._secrets().values()):
            return Fault(Kind.INCORRECT, "E728", "a token is shorter than 16 characters", "token", "use a long random text")
        for network in self.allow:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                return Fault(Kind.INCORRECT, "E728", "this is no address or network", "allow", "for example 10.1.0.0/16")
        paths: dict[str, Listener] = site.settings["paths"]
        there = paths.get(self.path)
        if there is not None and not there.closing:
            help = "choose another path, or remove the other channel"
            return Fault(Kind.CONFLICT, "E740", f"the channel {there.channel} listens on this path", PREFIX + self.path, help)
        listener = paths[self.path] = Listener(self, channel, site, intake)
        return listener

    def _secrets(self) -> dict[str, str]:
        given = {self.path: self.token, **self.tokens}
        return {name: token for name, token in given.items() if token or name in self.tokens}

    def caller(self, authorization: str, host: str) -> str | Fault:
        """The name of who calls: the token's, or the path where no token is asked for."""
        address = _address(host)
        if self.allow and not any(address in ipaddress.ip_network(one, strict=False) for one in self.allow if address):
            return Fault(
                Kind.FORBIDDEN, "E741", "calls from this address are not taken", help="see `allow` of the channel's source"
            )
        secrets = self._secrets()
        if not secrets:
            if self.anyone or (address is not None and address.is_loopback):
                return self.path
            help = "give the channel's source a token, or say `anyone: true`"
            return Fault(Kind.FORBIDDEN, "E741", "without a token only callers on the engine's machine are served", help=help)
        given = authorization.encode("utf-8", "replace")
        found = [name for name, token in secrets.items() if hmac.compare_digest(given, f"Bearer {token}".encode())]
        if not found:
            help = "send it as Authorization: Bearer"
            return Fault(Kind.FORBIDDEN, "E741", "the channel's token is missing or wrong", "Authorization", help)
        return found[0]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class Listener:
    """A path in service."""

    def __init__(self, options: Http, channel: str, site: Site, intake: Intake) -> None:
        self.options, self.channel, self.site, self.intake = options, channel, site, intake
        self.address = PREFIX + options.path
        self.flying = 0
        self.closing = False
        self.gone = float("inf")  # when it may be called unknown, on the monotonic clock
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self) -> None:
        """A call has come."""
        self.flying += 1
        self._idle.clear()

    def end(self) -> None:
        """A call is answered."""
        self.flying -= 1
        if not self.flying:
            self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Takes no new call and waits for those in flight to be answered."""
        self.closing, self.gone = True, time.monotonic() + LINGER
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return
