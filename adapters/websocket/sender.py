"""Sends parcels to somebody else's WebSocket (RFC 6455), one in flight on each connection, and believes only what names the parcel.

    frame out       {"id": …, "channel": …, "message": …, "type": …, "content_type": …, "body": …}
    frame back      {"ack": id}                             it is delivered
                    {"nack": id}                            it is refused for good
                    {"nack": id, "retry_after": seconds}    it is tried again
                    anything else                           thrown away

The id is the same on every try. After a time-out, or anything else that leaves the outcome unknown, the connection is closed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import socket
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.http_connection import Answer
from adapters.safe_http import Line, refusal
from engine.fault import Fault, Kind
from engine.types import JSON, Parcel

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

FRAME = 65536  # bytes of a frame that comes back
LONGEST = 86400.0  # seconds of a wait that is taken from a frame
_silent = logging.getLogger("isthmus.websocket")  # the library would tell of connections by address
_silent.propagate = False


class WebsocketSender:
    """An open way to one server: a few connections, each with one parcel in flight."""

    def __init__(self, links: list[Link]) -> None:
        self._links = links
        self._free: asyncio.Queue[Link] = asyncio.Queue()
        for link in links:
            self._free.put_nowait(link)

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Delivers one parcel; the receipt says by what it is believed."""
        link = await self._free.get()
        try:
            return await link.ask(parcel)
        finally:
            self._free.put_nowait(link)

    async def close(self) -> None:
        """Closes the connections."""
        for link in self._links:
            await link.close()


class Link:
    """One connection, opened when needed and kept. `pong` sends a body as it is and believes the answer to a ping behind it."""

    def __init__(self, far: Line, url: str, token: str, timeout: float, pong: bool) -> None:
        self._far, self._url, self._token, self._timeout, self._pong = far, url, token, timeout, pong
        self._socket: ClientConnection | None = None

    async def ask(self, parcel: Parcel) -> JSON | Fault:
        """Sends a parcel and waits for its answer."""
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

        try:
            async with asyncio.timeout(self._timeout):
                opened = await self._open()
                if isinstance(opened, Fault):
                    return opened
                return await (_ponged(opened, parcel) if self._pong else self._named(opened, parcel))
        except TimeoutError:
            return self._broken("no answer came in time")
        except (ConnectionClosed, OSError) as error:
            return self._broken(f"the connection broke before the answer ({type(error).__name__})")
        except asyncio.CancelledError:  # whoever asked has given up: what still comes is nobody's answer
            self._abort()
            raise

    async def close(self) -> None:
        """Closes the connection."""
        opened, self._socket = self._socket, None
        if opened is not None:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(opened.close(), 2)

    def _abort(self) -> None:
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.transport.abort()

    def _broken(self, text: str) -> Fault:
        self._abort()
        return Fault(Kind.INTERRUPTED, "E723", text, str(self._far.origin), "it is tried again by its schedule")

    async def _open(self) -> ClientConnection | Fault:
        from websockets.asyncio.client import connect  # noqa: PLC0415
        from websockets.exceptions import InvalidHandshake, InvalidStatus  # noqa: PLC0415
        from websockets.protocol import State  # noqa: PLC0415

        if self._socket is not None and self._socket.state is State.OPEN:
            return self._socket
        self._abort()
        way = await self._connected()
        if isinstance(way, Fault):
            return way
        secure: dict[str, Any] = {"ssl": self._far.context, "server_hostname": self._far.name} if self._far.context else {}
        named = {"Authorization": f"Bearer {self._token}"} if self._token else None
        try:
            self._socket = await connect(
                self._url, sock=way, additional_headers=named, user_agent_header="isthmus", compression=None,
                open_timeout=None, close_timeout=1, max_size=FRAME, max_queue=4, logger=_silent, **secure,
            )  # fmt: skip
        except InvalidStatus as error:
            answer = Answer(error.response.status_code, {k.lower(): v for k, v in error.response.headers.raw_items()}, b"")
            return refusal(answer, str(self._far.origin)) or self._none("the server does not speak WebSocket")
        except (InvalidHandshake, EOFError, OSError) as error:
            return self._none(f"no WebSocket was opened ({type(error).__name__})")
        except ValueError:  # a redirect, which is not followed; a certificate that is not accepted is an OSError, too
            return refusal(Answer(307, {}, b""), str(self._far.origin)) or self._none("the server sends elsewhere")
        finally:
            if self._socket is None:
                way.close()
        return self._socket

    async def _connected(self) -> socket.socket | Fault:
        """A socket connected to the first address that answers of those that may be called."""
        addresses = await self._far.addresses()
        if isinstance(addresses, Fault):
            return addresses
        loop = asyncio.get_running_loop()
        for address in addresses:
            way = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
            way.setblocking(False)
            try:
                async with asyncio.timeout(self._far.connect_timeout):
                    await loop.sock_connect(way, (str(address), self._far.origin.port))
                way.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except (OSError, TimeoutError):
                way.close()
            except BaseException:
                way.close()
                raise
            else:
                return way
        return self._none("cannot connect")

    def _none(self, text: str) -> Fault:
        return Fault(Kind.UNAVAILABLE, "E722", text, str(self._far.origin), "it is tried again by its schedule")

    async def _named(self, opened: ClientConnection, parcel: Parcel) -> JSON | Fault:
        id = sha256(parcel.idem.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        await opened.send(enveloped(id, parcel))
        while True:
            found = told(await opened.recv())
            if found.get("ack") == id:
                return {"ack": id}
            if found.get("nack") == id:
                return self._refused(found.get("retry_after"))

    def _refused(self, after: Any) -> Fault:
        at = str(self._far.origin)
        if isinstance(after, int | float) and not isinstance(after, bool) and after >= 0:
            help = "it is tried again by its schedule"
            return Fault(Kind.BUSY, "E725", "the far side asks for patience", at, help, again=min(float(after), LONGEST))
        return Fault(Kind.INCORRECT, "E726", "the far side refuses it", at, "see what it logged; then send it again")


async def _ponged(opened: ClientConnection, parcel: Parcel) -> JSON:
    """Sends the body alone; what comes back meanwhile is read and thrown away, since the pong stands behind it."""
    try:
        await opened.send(parcel.body.decode())
    except UnicodeDecodeError:
        await opened.send(parcel.body)
    pong = asyncio.ensure_future(await opened.ping())
    while not pong.done():
        reading = asyncio.ensure_future(opened.recv())
        await asyncio.wait({pong, reading}, return_when=asyncio.FIRST_COMPLETED)
        reading.cancel()
        await asyncio.wait({reading})
        if not reading.cancelled():
            reading.result()
    await pong
    return {"pong": True}


def enveloped(id: str, parcel: Parcel) -> str:
    """The frame of a parcel: a JSON body as it stands, another text as text, other bytes as base64."""
    frame: dict[str, Any] = {"id": id, **{name: parcel.meta.get(name, "") for name in ("channel", "message", "type")}}
    frame["content_type"] = parcel.content_type
    try:
        text = parcel.body.decode()
    except UnicodeDecodeError:
        frame |= {"encoding": "base64", "body": base64.b64encode(parcel.body).decode()}
        return msgspec.json.encode(frame).decode()
    frame["body"] = msgspec.Raw(parcel.body) if _is_json(parcel) else text
    return msgspec.json.encode(frame).decode()


def _is_json(parcel: Parcel) -> bool:
    if "json" not in parcel.content_type:
        return False
    try:
        msgspec.json.decode(parcel.body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def told(frame: str | bytes) -> JSON:
    """What came back as an object; an empty one where it is none."""
    try:
        found = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
