"""What the handlers share: where the resources are, who writes them, and this server's own address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakSet

import psycopg

from engine.fault import Fault, Kind
from engine.types import Site
from fhir.rest.committer import Committer
from fhir.rest.reader import Reader
from fhir.search.find import Asking
from fhir.store.types import uuid_of

TIMEOUT = "set statement_timeout = '10s'"


@dataclass(frozen=True, slots=True)
class Server:
    """Values and functions only; one per engine."""

    pool: Any  # psycopg_pool.AsyncConnectionPool
    committer: Committer
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    reader: Reader
    site: Site
    prefix: str = "/fhir/R4"
    known: WeakSet[Any] = field(default_factory=WeakSet)  # connections whose timeout is set

    @property
    def version(self) -> str:
        """This engine's version; empty where nobody told it."""
        return str(self.site.settings.get("version", ""))

    async def newest(self, type: str, id: str) -> list[tuple[Any, ...]]:
        """The newest version's (version, updated, deleted, body); empty when there is none."""
        return list(await self.reader.read(uuid_of(type, id)))

    async def rows(self, sql: str, values: Sequence[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        async with self.pool.connection() as connection:
            return await self.fetched(connection, sql, values, True)

    async def fetched(self, connection: Any, sql: str, values: Any, prepare: bool | None = None) -> list[tuple[Any, ...]]:
        """The rows of one statement on a connection that gives up after ten seconds."""
        if connection not in self.known:
            await connection.execute(TIMEOUT)
            self.known.add(connection)
        cursor = await connection.execute(sql, values, prepare=prepare)
        return list(await cursor.fetchall())

    async def asked(self, asking: Asking) -> Any:
        """What a search gives; a Fault E567 when it takes too long."""
        async with self.pool.connection() as connection:
            try:
                ask = next(asking)
                while True:
                    ask = asking.send(await self.fetched(connection, ask.sql, ask.values, False))
            except StopIteration as end:
                return end.value
            except psycopg.errors.QueryCanceled:
                return costly()


def costly() -> Fault:
    """The fault of a search that was given up."""
    return Fault(Kind.INCORRECT, "E567", "the search takes longer than ten seconds", help="name a patient, a code or a time")


def answered(connection: Any, asking: Asking) -> Any:
    """What a search gives inside a writer's transaction."""
    try:
        ask = next(asking)
        while True:
            ask = asking.send(connection.execute(ask.sql, ask.values, prepare=False).fetchall())
    except StopIteration as end:
        return end.value
