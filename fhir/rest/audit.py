"""Every access is on disk before its answer leaves: that of a write in the write's own transaction, others in commits of their own,
those that end while one commit runs going into the next one together.

An access that cannot be kept is not answered (E580), and a write whose access cannot be kept is not done: a hospital must be able
to say who saw and changed what.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from prometheus_client import Counter

from engine.fault import Fault, Kind
from engine.log import failed
from engine.types import Connection, Written
from fhir import encode
from fhir.rest.answer import Answer
from fhir.rest.call import ID, Call
from fhir.rest.outcome import status
from fhir.store.access import COPY, Access, copied
from fhir.store.sql import sql
from fhir.store.types import uuid_of

MOST = 256
MOST_PATIENTS = 5000
REFERENCE = re.compile(rb'"reference":"(?:[^"]{1,200}/)?(Patient/[A-Za-z0-9\-.]{1,64})["/]')
RESOURCE = re.compile(rb'\{"resourceType":"Patient","id":"([A-Za-z0-9\-.]{1,64})"')
UNKEPT = Fault(Kind.UNAVAILABLE, "E580", "the access could not be recorded, so it is not answered", help="try again later")
FAILURES = Counter("engine_audit_failures", "Times that an access could not be recorded, and so was refused")
UNWATCHED = ("metadata",)
BY_METHOD = {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}


def unkept() -> Fault:
    """The refusal of an access that cannot be kept, counted."""
    FAILURES.inc()
    return UNKEPT


class Auditor:
    """Keeps accesses over one connection of the pool at a time."""

    def __init__(self, pool: Any, now: Any) -> None:
        self.pool, self.now = pool, now
        self.waiting: list[tuple[Sequence[Access], asyncio.Future[None]]] = []
        self.task: asyncio.Task[None] | None = None

    async def kept(self, call: Call, answer: Answer, peer: str) -> Fault | None:
        """Returns once the access is committed; a Fault when it is not."""
        trail = call.trail
        if call.path == UNWATCHED or (trail is not None and trail.kept):
            return None
        found = [] if trail is None else trail.more
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(([*found, access(call, answer, peer, self.now())], future))
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())
        try:
            await future
        except Exception as error:
            failed("an access could not be recorded", error)
            return unkept()
        return None

    async def _run(self) -> None:
        group: list[tuple[Sequence[Access], asyncio.Future[None]]] = []
        try:
            async with self.pool.connection() as connection:
                while self.waiting:
                    group, self.waiting = self.waiting[:MOST], self.waiting[MOST:]
                    async with connection.cursor() as cursor, cursor.copy(COPY) as stream:
                        await stream.write(copied([one for found, _ in group for one in found]))
                    for _, future in group:
                        if not future.done():
                            future.set_result(None)
        except BaseException as error:
            group, self.waiting = [*group, *self.waiting], []
            for _, future in group:
                if not future.done():
                    future.set_exception(error if isinstance(error, Exception) else ConnectionError())
            if not isinstance(error, Exception):
                raise


class Keeping:
    """The access of one write, made of its result inside its transaction."""

    __slots__ = ("body", "call", "ended")

    def __init__(
        self, call: Call, body: dict[str, Any] | None = None, ended: Callable[[Any], Sequence[Any]] | None = None
    ) -> None:
        self.call, self.body, self.ended = call, body, ended

    def access(self, connection: Connection, result: Any, at: datetime) -> Access:
        """What is kept of it; a Fault is an access too."""
        if self.ended is not None:
            return self.whole(connection, self.ended(result), at)
        if isinstance(result, list) and result and hasattr(result[0], "answer"):
            return self.whole(connection, result, at)
        written = result[0] if isinstance(result, list) and result else result
        written = written[0] if isinstance(written, tuple) else written
        if not isinstance(written, Written):
            return self.made(at, status(written) if isinstance(written, Fault) else 200, "", ())
        code = 204 if self.call.method == "DELETE" else 201 if written.change == "created" else 200
        text = encode.dumps(self.body) if self.body is not None and written.change in ("created", "updated") else None
        return self.made(at, code, written.id, whose([text if text is not None else stored(connection, written)]))

    def whole(self, connection: Connection, entries: Sequence[Any], at: datetime) -> Access:
        """That of a transaction: all its entries met, and whose they are."""
        texts, names = [], []
        for one in entries:
            answer: Answer = one.answer
            names += [f"{answer.type}/{answer.id}"] if answer.id else []
            gone = one.written is not None and one.written.change == "deleted"
            texts.append(stored(connection, one.written) if gone else answer.body or encode.dumps(one.body or {}))
        found = {*whose(texts), *[name for name in names if name.startswith("Patient/")]}
        return self.made(at, 200, "", tuple(found), tuple(dict.fromkeys(names)))

    def made(self, at: datetime, code: int, id: str, patients: tuple[str, ...], others: tuple[str, ...] = ()) -> Access:
        """The access with what its call tells."""
        call, trail = self.call, self.call.trail
        name = id or (call.path[1] if len(call.path) > 1 else "")
        mine = {f"Patient/{name}"} if call.type == "Patient" and ID.fullmatch(name) else set()
        query = urlencode(call.params) if call.params else ""
        peer = trail.peer if trail is not None else ""
        return Access(at, interaction(call), code, call.type, name, query, peer, tuple(sorted({*patients, *mine})), others)

    def committed(self) -> None:
        """Notes that it is on disk."""
        if self.call.trail is not None:
            self.call.trail.kept = True


def stored(connection: Connection, written: Written) -> bytes:
    """The text of what was written, or of what was there before it was deleted."""
    if not written.id:
        return b""
    key, version = uuid_of(written.type, written.id), written.version - (written.change == "deleted")
    if version:
        row = connection.execute(sql("vread"), {"key": key, "version": version}).fetchone()
    else:
        row = connection.execute(sql("read"), (key,)).fetchone()
    return b"" if row is None else str(row[3]).encode()


def access(call: Call, answer: Answer, peer: str, at: Any) -> Access:
    """What is kept of one access that wrote nothing. Whom AuditEvents are about is told by the events that were read."""
    id = answer.id or (call.path[1] if len(call.path) > 1 and call.path[1][:1] not in ("$", "_") else "")
    query = urlencode(call.params) if call.params else ""
    found = {
        *(whose([answer.body]) if call.type != "AuditEvent" else ()),
        *([f"Patient/{id}"] if call.type == "Patient" and ID.fullmatch(id) else []),
    }
    return Access(at, interaction(call), answer.status, call.type, id, query, peer, tuple(sorted(found)))


def interaction(call: Call) -> str:
    """The interaction by FHIR's own names; an operation by `operation`."""
    if call.trail is not None and call.trail.interaction:
        return call.trail.interaction
    path, method = call.path, call.method
    if any(part.startswith("$") for part in path):
        return "operation"
    if not path:
        return "batch" if method == "POST" else "search-system"
    if "_history" in path:
        level = "instance" if len(path) == 3 else "type" if len(path) == 2 else "system"
        return "vread" if len(path) == 4 else f"history-{level}"
    if path[1:] == ("_search",) or len(path) == 3 or (len(path) == 1 and method in ("GET", "HEAD")):
        return "search-type"
    return BY_METHOD.get(method, "operation")


def whose(texts: Iterable[bytes]) -> tuple[str, ...]:
    """The patients in some texts: those that are there, and those that anything there refers to."""
    found: set[str] = set()
    for text in texts:
        for match in REFERENCE.finditer(text):
            found.add(match[1].decode())
        for match in RESOURCE.finditer(text):
            found.add(f"Patient/{match[1].decode()}")
        if len(found) >= MOST_PATIENTS:
            break
    return tuple(sorted(found)[:MOST_PATIENTS])
