"""What happens to a posted body: who sent it, how much it may be, stored, and answered as stored or as processed.

The caller is known before a byte of the body is read. An `Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header) becomes the
message's control id: the same body under the same key is answered as the first was and has no second effect. Without it a format's own
control id counts only together with the sender it names (HL7's MSH-10 does, a resource's id does not).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from adapters.http.form import posted
from adapters.http.source import Listener
from engine.fault import Fault, Kind
from engine.types import Arrival, Envelope, Outcome, Site, State

LONGEST_KEY = 255
LONG = 256 * 1024  # bytes from which a body is looked into beside the event loop
UNKNOWN = Fault(Kind.NOT_FOUND, "E738", "no channel listens on this path", help="see the channels' sources")
REPLACED = Fault(Kind.UNAVAILABLE, "E739", "the channel is being replaced", help="send it again in a moment")
LATE = Fault(Kind.INTERRUPTED, "E737", "the body did not arrive in time", help="send it again")
LARGE = Fault(Kind.INCORRECT, "E906", "the body is larger than this channel takes", help="split it, or raise its `max body`")
EMPTY = Fault(Kind.INCORRECT, "E904", "the body is empty", help="send the message as the body")
NO_KEY = Fault(
    Kind.INCORRECT, "E904", "an Idempotency-Key is 1 to 255 printable characters", "Idempotency-Key", "for example a UUID"
)
CROWDED = Fault(Kind.BUSY, "E100", "too much is being received at once", help="send it again later")


async def receive(site: Site, request: Request) -> Response:
    """Answers one call below /in/."""
    paths: dict[str, Listener] = site.settings.get("paths", {})
    path = request.path_params.get("path", "")
    listener = paths.get(path)
    if listener is None:
        return problem(UNKNOWN)
    if listener.closing:
        if time.monotonic() < listener.gone:
            return problem(REPLACED)
        paths.pop(path, None)
        return problem(UNKNOWN)
    listener.begin()
    try:
        return await _take(listener, request)
    except ClientDisconnect:
        return Response(status_code=400)
    finally:
        listener.end()


async def _take(listener: Listener, request: Request) -> Response:
    options, site = listener.options, listener.site
    id, received = site.new_id(), site.now()
    host = request.client.host if request.client else ""
    caller = options.caller(request.headers.get("authorization", ""), host)
    if isinstance(caller, Fault):
        fault = caller
        return problem(fault, 401, {"WWW-Authenticate": "Bearer"}) if fault.at else problem(fault)
    key = _key(request)
    body = key if isinstance(key, Fault) else await _body(request, options.max_body, options.timeout)
    body = body if isinstance(body, Fault) else posted(body, request.headers.get("content-type", ""))
    if isinstance(body, Fault):
        return problem(body, 413 if body is LARGE else 0)
    try:
        await asyncio.wait_for(listener.intake.ready(), options.crowded)
    except TimeoutError:
        return problem(CROWDED)
    peer = f"{host}:{request.client.port if request.client else 0}"
    given = (listener, id, received, body, caller, str(key), peer)
    arrival = arrived(*given) if len(body) < LONG else await asyncio.to_thread(arrived, *given)
    [receipt] = await listener.intake.accept([arrival])
    if isinstance(receipt, Fault):
        return problem(receipt)
    if receipt.fault or arrival.fault:
        return _result(receipt.id, Outcome(State.HELD, (receipt.fault or arrival.fault or LATE).all()))
    if options.acknowledge == "when processed":
        outcome = await listener.intake.settled(receipt.id, options.timeout)
        if isinstance(outcome, Outcome):
            return _result(receipt.id, outcome)
    return JSONResponse({"id": str(receipt.id), "state": "stored"}, 202, {"X-Message-Id": str(receipt.id)})


def arrived(listener: Listener, id: UUID, received: Any, body: bytes, caller: str, key: str, peer: str) -> Arrival:
    """The body as an arrival, with what its format can tell of it; what it cannot read is kept with the fault."""
    told = listener.site.formats[listener.options.format].envelope(body)
    fault = told if isinstance(told, Fault) else None
    envelope = Envelope() if isinstance(told, Fault) else told
    sender, number = envelope.sender or caller, envelope.control_id if envelope.sender else ""
    if key:
        sender, number = caller, key
    named = Envelope(envelope.type, sender, number, envelope.key)
    return Arrival(id, listener.channel, listener.options.format, body, received, named, peer, fault)


def _key(request: Request) -> str | Fault:
    given = request.headers.get("idempotency-key")
    if given is None:
        return ""
    key = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
    return key if 0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable() else NO_KEY


async def _body(request: Request, most: int, seconds: float) -> bytes | Fault:
    """The body, bounded in bytes and in time."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared[:20]) > most:
        return LARGE
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    return LARGE
                parts.append(part)
    except TimeoutError:
        return LATE
    return b"".join(parts) if size else EMPTY


def _result(id: UUID, outcome: Outcome) -> Response:
    """What became of a message."""
    row: dict[str, Any] = {"id": str(id), "state": outcome.state.value, "resources": list(outcome.resources)}
    row["faults"] = [fault.as_dict() for fault in outcome.faults]
    headers = {"X-Message-Id": str(id)}
    if outcome.state is State.HELD:
        first = (
            outcome.faults[0] if outcome.faults else Fault(Kind.INCORRECT, "E147", "the message was held", help="see its faults")
        )
        return problem(first, 0, headers, row)
    return JSONResponse(row, 200, headers)


def problem(fault: Fault, status: int = 0, headers: dict[str, str] | None = None, more: dict[str, Any] | None = None) -> Response:
    """A fault as problem details (RFC 9457), with when to come again where that can help."""
    status = status or fault.kind.answer.http
    told = {"type": f"urn:isthmus:fault:{fault.code}", "title": fault.text, "status": status, **fault.as_dict(), **(more or {})}
    again = {"Retry-After": "2"} if fault.kind.answer.retry else {}
    return JSONResponse(told, status, {**again, **(headers or {})}, "application/problem+json")
