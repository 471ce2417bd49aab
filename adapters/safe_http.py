"""The one way out over HTTP: to exactly one origin, at an address that was checked, without redirects, proxies or endless answers.

The host is resolved here and the connection is made to the address that passed, so that a name cannot lead elsewhere between the check
and the call; TLS still asks for the name. Addresses that are not public (loopback, private, link-local, and what embeds one) are refused
unless a network of `allow` holds them. Sources: RFC 9110; RFC 6890 (special addresses); OWASP SSRF prevention.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from adapters.http_connection import Answer, Connection, connect, request
from adapters.safe_tls import Tls, client_context
from engine.fault import Fault, Kind

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
FRESH = 30.0  # seconds a resolved address is used
IDLE = 5.0  # seconds after which a kept connection is not used any more: servers close theirs sooner or later
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: all of what a connection goes to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.named}"

    @property
    def named(self) -> str:
        """The Host header: the port left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORTS[self.scheme] == self.port else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Way:
    """How to get to an origin. Times in seconds; `answer` is what is read of an answer's body, in bytes."""

    timeout: float = 30.0
    connect_timeout: float = 10.0
    connections: int = 4
    allow: tuple[str, ...] = ()
    tls: Tls | None = None
    answer: int = 1024 * 1024


def split(url: str, at: str = "url") -> tuple[Origin, str] | Fault:
    """(origin, path with its query) of an address that may be called."""
    wrong = Fault(Kind.INCORRECT, "E720", "this is no address that can be called", at, "for example https://ehr.example.org/hook")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return wrong
    host = parts.hostname or ""
    if parts.scheme not in PORTS or not _HOST.fullmatch(host) or "@" in parts.netloc or parts.fragment or port == 0:
        return wrong
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not path.isprintable() or " " in path or "\\" in url:
        return wrong
    return Origin(parts.scheme, host, port or PORTS[parts.scheme]), path


def is_public(address: Address) -> bool:
    """Whether it is reached over the internet, and so are the addresses it stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


class Line:
    """A kept pool of connections to one origin."""

    def __init__(self, origin: Origin, way: Way, context: ssl.SSLContext | None) -> None:
        self.origin, self._way, self.context = origin, way, context
        self._networks = [ipaddress.ip_network(one, strict=False) for one in way.allow]
        self._turns = asyncio.Semaphore(max(way.connections, 1))
        self._kept: list[Connection] = []  # the one used last at the end
        self._known: tuple[float, list[Address]] = (0.0, [])
        self._closed = False

    @property
    def connect_timeout(self) -> float:
        """Seconds."""
        return self._way.connect_timeout

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer | Fault:
        """Sends a request; an Answer of any status, or why there is none."""
        addresses = await self.addresses()
        if isinstance(addresses, Fault):
            return addresses
        try:
            sent = request(method, path, self.origin.named, headers, body)
        except ValueError:
            return Fault(Kind.INCORRECT, "E728", "a header cannot be sent as it is", "headers", "names and values are plain text")
        try:
            async with asyncio.timeout(self._way.timeout), self._turns:
                connection = await self._connected(addresses)
                if isinstance(connection, Fault):
                    return connection
                answer = await connection.ask(sent)
        except TimeoutError:
            return self._fault(Kind.INTERRUPTED, "E723", "no answer came in time")
        except (OSError, RuntimeError) as error:
            return self._fault(Kind.INTERRUPTED, "E723", f"the connection broke before the answer ({type(error).__name__})")
        if self._closed:
            connection.close()
        elif connection.open:
            self._kept.append(connection)
        return answer

    async def close(self) -> None:
        """Closes the connections, those in use when their answers are there."""
        self._closed = True
        kept, self._kept = self._kept, []
        for one in kept:
            one.close()

    async def _connected(self, addresses: list[Address]) -> Connection | Fault:
        """A kept connection that is fresh, or a new one to the first address that takes it."""
        oldest = time.monotonic() - IDLE
        while self._kept:
            kept = self._kept.pop()
            if kept.open and kept.idle >= oldest:
                return kept
            kept.close()
        reason = ""
        for address in addresses:
            try:
                async with asyncio.timeout(self._way.connect_timeout):
                    return await connect(str(address), self.origin.port, self._way.answer, self.context, self.name)
            except (OSError, TimeoutError) as error:
                reason = type(error).__name__
        self._known = (0.0, [])
        return self._fault(Kind.UNAVAILABLE, "E722", f"cannot connect ({reason})")

    @property
    def name(self) -> str:
        """The name its certificate must bear."""
        return (self._way.tls.server_name if self._way.tls else "") or self.origin.host

    async def addresses(self) -> list[Address] | Fault:
        """Where the host is, of that what may be called."""
        until, known = self._known
        if known and time.monotonic() < until:
            return known
        try:
            found = [ipaddress.ip_address(self.origin.host)]
        except ValueError:
            resolved = await self._resolved()
            if isinstance(resolved, Fault):
                return resolved
            found = resolved
        fitting = [one for one in found if self._may(one)]
        if not fitting:
            help = "an address that is not public must be in a network of `allow`, for example allow: [10.1.0.0/16]"
            return Fault(Kind.FORBIDDEN, "E721", "the host's address may not be called", str(self.origin), help)
        self._known = time.monotonic() + FRESH, fitting
        return fitting

    async def _resolved(self) -> list[Address] | Fault:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._way.connect_timeout):
                rows = await loop.getaddrinfo(self.origin.host, self.origin.port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            return self._fault(Kind.UNAVAILABLE, "E722", "the host's name cannot be resolved")
        return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows]

    def _may(self, address: Address) -> bool:
        plain = getattr(address, "ipv4_mapped", None) or address
        return is_public(address) or any(plain in network for network in self._networks)

    def _fault(self, kind: Kind, code: str, text: str) -> Fault:
        return Fault(kind, code, text, str(self.origin), "it is tried again by its schedule")


def line(origin: Origin, way: Way) -> Line | Fault:
    """A line to an origin; nothing is connected yet."""
    for network in way.allow:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            return Fault(Kind.INCORRECT, "E728", "this is no address or network", "allow", "for example 10.1.0.0/16")
    context = client_context(way.tls or Tls()) if origin.scheme == "https" else None
    return context if isinstance(context, Fault) else Line(origin, way, context)


def patience(answer: Answer) -> float:
    """Seconds of an answer's Retry-After (RFC 9110, section 10.2.3), 0 without a readable one; a date counts from the answer's own."""
    asked = answer.headers.get("retry-after", "").strip()
    if asked.isdecimal() and asked.isascii():
        return float(asked[:9])
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError, IndexError, OverflowError):
        return 0.0
    return max(0.0, wait.total_seconds())


def refusal(answer: Answer, at: str) -> Fault | None:
    """What a status says of the delivery; None for 2xx. The wait that 429 and 503 may ask for is in `again`."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status in (408, 425, 429):
        help = "it is tried again by its schedule"
        return Fault(Kind.BUSY, "E725", f"the far side asks for patience ({status})", at, help, again=patience(answer))
    if status in (401, 403, 407):  # a password that ran out must not cost what is sent meanwhile
        help = "see the destination's credentials; it is tried again by its schedule"
        return Fault(Kind.UNAVAILABLE, "E724", f"the far side does not let us in ({status})", at, help)
    if status >= 500:
        help, wait = "it is tried again by its schedule", patience(answer) if status == 503 else 0.0
        return Fault(Kind.UNAVAILABLE, "E724", f"the far side failed ({status})", at, help, again=wait)
    if 300 <= status < 400:
        return Fault(Kind.INCORRECT, "E727", f"the far side sends elsewhere ({status})", at, "name the address it sends to")
    return Fault(Kind.INCORRECT, "E726", f"the far side refuses it ({status})", at, "see what it logged; then send it again")
