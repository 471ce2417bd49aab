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
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adapters.safe_tls import Tls, client_context
from engine.fault import Fault, Kind

if TYPE_CHECKING:
    import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
FRESH = 30.0  # seconds a resolved address is used
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `whole` is False when the body was cut at the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True


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
        self._client: httpx.AsyncClient | None = None
        self._known: tuple[float, list[Address]] = (0.0, [])

    @property
    def connect_timeout(self) -> float:
        """Seconds."""
        return self._way.connect_timeout

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer | Fault:
        """Sends a request; an Answer of any status, or why there is none."""
        import httpx  # noqa: PLC0415

        addresses = await self.addresses()
        if isinstance(addresses, Fault):
            return addresses
        try:
            async with asyncio.timeout(self._way.timeout):
                return await self._first(addresses, method, path, headers, body)
        except TimeoutError:
            return self._fault(Kind.INTERRUPTED, "E723", "no answer came in time")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            self._known = (0.0, [])
            return self._fault(Kind.UNAVAILABLE, "E722", f"cannot connect ({type(error).__name__})")
        except (httpx.HTTPError, OSError, RuntimeError) as error:
            return self._fault(Kind.INTERRUPTED, "E723", f"the connection broke before the answer ({type(error).__name__})")

    async def close(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _first(self, addresses: list[Address], method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer of the first address that can be connected to."""
        import httpx  # noqa: PLC0415

        for place, address in enumerate(addresses):
            try:
                return await self._exchange(address, method, path, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if place + 1 == len(addresses):
                    raise
        raise OSError("no address")

    async def _exchange(self, address: Address, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        client = self._opened()
        host = f"[{address}]" if address.version == 6 else str(address)
        url = f"{self.origin.scheme}://{host}:{self.origin.port}{path}"
        more: dict[str, Any] = {"sni_hostname": self.name} if self.context else {}
        request = client.build_request(
            method, url, headers={"Host": self.origin.named, **headers}, content=body or None, extensions=more or None
        )
        response = await client.send(request, stream=True)
        try:
            parts, size, whole = [], 0, True
            async for part in response.aiter_raw():
                parts.append(part)
                size += len(part)
                if size > self._way.answer:
                    whole = False
                    break
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, b"".join(parts)[: self._way.answer], whole)

    @property
    def name(self) -> str:
        """The name its certificate must bear."""
        return (self._way.tls.server_name if self._way.tls else "") or self.origin.host

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx  # noqa: PLC0415

            way = self._way
            self._client = httpx.AsyncClient(
                verify=self.context or True, follow_redirects=False, trust_env=False,
                timeout=httpx.Timeout(way.timeout, connect=way.connect_timeout),
                limits=httpx.Limits(max_connections=way.connections, max_keepalive_connections=way.connections),
                headers={"User-Agent": "isthmus", "Accept-Encoding": "identity", "Accept": "*/*"},
            )  # fmt: skip
        return self._client

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
