"""One connection to an HTTP/1.1 server: a request is written, its answer read, one at a time (RFC 9112).

The answer is taken apart by llhttp. Whatever does not belong to the request in flight (a second answer, bytes nobody asked for, more
headers than anybody needs) costs the connection, so that an answer can never be taken for another request's.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httptools

HEADERS = 64 * 1024  # bytes of an answer's status line and headers
FIRST_FINAL, SWITCHED = 200, 101  # statuses below are interim, save the one that leaves HTTP
_NAME, _VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\t\x20-\x7e]*")
_OWN = {"User-Agent": "isthmus", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, header names in lower case; `whole` is False when the body was cut at the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True


class Broken(OSError):
    """The connection ended, or said what is no answer, before the answer was whole."""


def request(method: str, target: str, host: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request's bytes; ValueError where a header would break out of its line."""
    given = {name.lower() for name in headers}
    more = {name: value for name, value in _OWN.items() if name.lower() not in given}
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    for name, value in (*more.items(), *headers.items()):
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("a header's name or value cannot be sent")
        lines.append(f"{name}: {value}")
    if body or method not in ("GET", "DELETE"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


class Connection(asyncio.Protocol):
    """A connection that is kept while `open`; `idle` is when its last answer came (monotonic seconds)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._wanted: asyncio.Future[Answer] | None = None
        self._status = self._size = self._headers_size = 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._begun = False  # the final answer's headers are read
        self.open = False
        self.idle = 0.0

    async def ask(self, sent: bytes) -> Answer:
        """Writes a request and waits for its answer, as long as it takes; Broken when there will be none."""
        wanted: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._wanted = wanted
        self._begin()
        self._transport.write(sent)
        try:
            return await wanted
        finally:
            self._wanted = None
            if not wanted.done() or wanted.cancelled():
                self.close()
            self.idle = time.monotonic()

    def close(self) -> None:
        """Lets go of it at once."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.open = transport, True

    def data_received(self, data: bytes) -> None:
        if self._wanted is None or self._wanted.done():
            self.close()  # nobody has asked
            return
        if not self._begun:
            self._headers_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("what came is no answer")
        if not self._begun and self._headers_size > HEADERS:
            self._fail("the answer's headers do not end")

    def eof_received(self) -> bool:
        if self._begun and not {"content-length", "transfer-encoding"} & self._headers.keys():
            self._end(False)  # a body without a length ends with the connection
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection ended before the answer")

    # --- llhttp's side ---

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._begun = self._status >= FIRST_FINAL

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._size += len(body)
        if self._size > self._limit:
            self._end(False)

    def on_message_complete(self) -> None:
        if self._begun:
            self._end(self._parser.should_keep_alive())
        elif self._status == SWITCHED:
            self._fail("the far side leaves HTTP")
        else:
            self._begin()  # the answer itself is still to come

    def _begin(self) -> None:
        self._headers, self._parts, self._size, self._headers_size, self._begun = {}, [], 0, 0, False

    def _end(self, keep: bool) -> None:
        wanted = self._wanted
        if wanted is None or wanted.done():
            self.close()
            return
        body = b"".join(self._parts)
        wanted.set_result(Answer(self._status, self._headers, body[: self._limit], self._size <= self._limit))
        if not keep:
            self.close()

    def _fail(self, text: str) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_exception(Broken(text))
        self.close()


async def connect(host: str, port: int, limit: int, tls: ssl.SSLContext | None = None, name: str = "") -> Connection:
    """A new connection to an address; OSError (of which ssl.SSLError is one) where there is none."""
    loop = asyncio.get_running_loop()
    server = name if tls else None
    _, made = await loop.create_connection(lambda: Connection(limit), host, port, ssl=tls, server_hostname=server)
    return made
