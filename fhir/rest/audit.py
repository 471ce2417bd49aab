"""Every access is on disk before its answer leaves: accesses that end while one commit runs go into the next one together.

An access that cannot be kept is not answered (E580): a hospital must be able to say who saw what.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import urlencode

from engine.fault import Fault, Kind
from engine.log import failed
from fhir.rest.answer import Answer
from fhir.rest.call import ID, Call
from fhir.store.access import Access, columns
from fhir.store.sql import sql

MOST = 256
MOST_PATIENTS = 100
PATIENT = re.compile(
    rb'"(?:subject|patient|for|beneficiary|individual)":\{"reference":"(?:[^"]{1,200}/)?(Patient/[A-Za-z0-9\-.]{1,64})[/"]'
)
UNKEPT = Fault(Kind.UNAVAILABLE, "E580", "the access could not be recorded, so it is not answered", help="try again later")
UNWATCHED = ("metadata",)
BY_METHOD = {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}


class Auditor:
    """Keeps accesses over one connection of the pool at a time."""

    def __init__(self, pool: Any, now: Any) -> None:
        self.pool, self.now = pool, now
        self.waiting: list[tuple[Access, asyncio.Future[None]]] = []
        self.task: asyncio.Task[None] | None = None

    async def kept(self, call: Call, answer: Answer, peer: str) -> Fault | None:
        """Returns once the access is committed; a Fault when it is not."""
        if call.path == UNWATCHED:
            return None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((access(call, answer, peer, self.now()), future))
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())
        try:
            await future
        except Exception as error:
            failed("an access could not be recorded", error)
            return UNKEPT
        return None

    async def _run(self) -> None:
        group: list[tuple[Access, asyncio.Future[None]]] = []
        try:
            async with self.pool.connection() as connection:
                while self.waiting:
                    group, self.waiting = self.waiting[:MOST], self.waiting[MOST:]
                    await connection.execute(sql("accessed"), columns([one for one, _ in group]), prepare=True)
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


def access(call: Call, answer: Answer, peer: str, at: Any) -> Access:
    """What is kept of one access."""
    id = answer.id or (call.path[1] if len(call.path) > 1 and call.path[1][:1] not in ("$", "_") else "")
    query = urlencode(call.params) if call.params else ""
    return Access(at, interaction(call), answer.status, call.type, id, query, peer, patients(call, answer, id))


def interaction(call: Call) -> str:
    """The interaction by FHIR's own names; an operation by `operation`."""
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


def patients(call: Call, answer: Answer, id: str) -> tuple[str, ...]:
    """Whose data the answer holds: the patient itself, and whom its resources are about."""
    found = {f"Patient/{id}"} if call.type == "Patient" and ID.fullmatch(id) else set()
    for match in PATIENT.finditer(answer.body):
        found.add(match[1].decode())
        if len(found) >= MOST_PATIENTS:
            break
    return tuple(sorted(found))
