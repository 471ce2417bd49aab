"""The API as a raw ASGI application: a request becomes a call, its answer HTTP; no framework stands between.

Every problem is an OperationOutcome, our own bugs too; a bug's log names its place and none of its data.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from engine.bounds import HEADERS
from engine.fault import Fault, Kind
from engine.log import failed
from fhir.rest import binary
from fhir.rest.answer import MEDIA, Answer, refused
from fhir.rest.audit import Auditor
from fhir.rest.call import LONGEST, Call, Trail, pairs
from fhir.rest.media import answering, as_xml, carrying, pretty
from fhir.rest.methods import allowed
from fhir.rest.server import costly
from fhir.subscribe.socket import PATH

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
BODILESS = frozenset(("GET", "HEAD"))
HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
PATIENCE = 60.0  # seconds for a body to arrive
MOST_HEADERS = 100
LATE = Fault(Kind.INCORRECT, "E577", "the body did not arrive within a minute", help="send it faster, or in parts")
LONG = Fault(
    Kind.INCORRECT, "E578", "the address or the headers are longer than this server reads", help="search by POST _search"
)
AWAY = Fault(Kind.UNAVAILABLE, "E570", "the database does not answer", help="try again later")
BUG = Fault(Kind.FAULT, "E550", "the request failed inside the server", help="its log names the place; the data is unharmed")
Handler = Callable[[Call], Coroutine[Any, Any, Answer]]
Sockets = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


class Gone(Exception):
    """The client left before its body was there."""


class Api:
    """The application; `handler` answers calls, `fixed` is this server's address as it is configured, `sockets` serves sockets."""

    def __init__(
        self, prefix: str, handler: Handler, fixed: str = "", auditor: Auditor | None = None, sockets: Sockets | None = None
    ) -> None:
        self.prefix, self.handler, self.fixed, self.auditor, self.sockets = prefix, handler, fixed, auditor, sockets

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket" and self.sockets is not None and scope["path"] == f"{self.prefix}/{PATH}":
            await self.sockets(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        call, fault = self.called(scope)
        body = b""
        if scope["method"] not in BODILESS:
            try:
                async with asyncio.timeout(PATIENCE):
                    body = await read(receive)
            except Gone:
                return
            except TimeoutError:
                fault = LATE
        if fault is None and (body or call.method not in BODILESS):
            carried = carrying(call, body)
            call, fault = (call, carried) if isinstance(carried, Fault) else (carried, None)
        answer = refused(fault) if fault is not None else await self.answered(call)
        if self.auditor is not None:
            unkept = await self.auditor.kept(call, answer, call.trail.peer if call.trail else "")
            answer = answer if unkept is None else refused(unkept)
        if call.xml:
            answer = as_xml(answer)
        elif call.params:
            answer = pretty(call, answer)
        if call.native:
            answer = binary.unwrapped(call, answer)
        await respond(send, answer, scope["method"] == "HEAD")

    async def answered(self, call: Call) -> Answer:
        """What a call is answered; never raises."""
        try:
            return await self.handler(call)
        except psycopg.errors.QueryCanceled:
            return refused(costly())
        except (psycopg.OperationalError, PoolTimeout, ConnectionError) as error:
            failed("a FHIR request met no database", error)
            return refused(AWAY)
        except (Exception, RecursionError) as error:
            failed("a FHIR request failed", error)
            return refused(BUG)

    def called(self, scope: Any) -> tuple[Call, Fault | None]:
        """The request without its body, and why it is not answered where it is not."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        raw: bytes = scope["query_string"]
        method = scope["method"]
        path = tuple([part for part in scope["path"][len(self.prefix) :].split("/") if part])
        host = headers.get("host", "")
        base = self.fixed or f"{scope['scheme']}://{host if HOST.fullmatch(host) else 'localhost'}"
        peer = scope.get("client")
        trail = Trail(str(peer[0]) if peer else "")
        fault: Fault | None = None
        query: Sequence[tuple[str, str]] = ()
        if len(raw) + len(scope["path"]) > LONGEST or len(scope["headers"]) > MOST_HEADERS:
            fault = LONG
        elif raw:
            found = pairs(raw.decode("latin-1"))
            query, fault = ((), found) if isinstance(found, Fault) else (found, None)
        if fault is None and method not in METHODS:
            taken = ", ".join(allowed(path) or sorted(METHODS))
            fault = Fault(Kind.INCORRECT, "E553", "this method is not used here", "", f"use {taken}")
        xml = answering(query, headers) if fault is None else False
        native = isinstance(xml, Fault) and binary.read(method, path)
        if isinstance(xml, Fault):
            fault, xml = None if native else xml, False
        return Call(method, path, tuple(query), headers, b"", None, base + self.prefix, xml, native, trail), fault


async def read(receive: Any) -> bytes:
    """The whole body; its size is bounded by who calls this."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if message["type"] == "http.request" else leave()
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        if message["type"] != "http.request":
            leave()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def leave() -> bytes:
    """Ends a request whose client is gone."""
    raise Gone


async def respond(send: Any, answer: Answer, head: bool) -> None:
    """The answer as HTTP."""
    rows = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in answer.headers.items()]
    if answer.body and "Content-Type" not in answer.headers:
        rows.append((b"content-type", MEDIA_TYPE))
    rows.append((b"content-length", b"%d" % len(answer.body)))
    rows += HEADERS
    await send({"type": "http.response.start", "status": answer.status, "headers": rows})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


MEDIA_TYPE = f"{MEDIA}; charset=utf-8".encode()


def told(status: int, fault: Fault) -> tuple[bytes, bytes]:
    """A refusal at the door (too large, compressed) as an OperationOutcome."""
    return MEDIA_TYPE, refused(fault).body
