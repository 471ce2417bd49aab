"""A write over REST whose commit was not heard of: what reads first is not done a second time, and its client is told (R3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from pg_proxy import READY, Proxy
from psycopg.conninfo import make_conninfo

from engine.fault import Fault
from engine.types import Connection, Put
from engine.uuid7 import uuid7
from fhir.rest.committer import Committer
from fhir.store import Change, apply


def fresh() -> list[Change]:
    id = str(uuid7())
    return [Put({"resourceType": "Basic", "id": id, "code": {"text": "made up"}})]


def work(connection: Connection, at: datetime) -> Any:
    """As a transaction with a POST: each time it is done, it makes a resource."""
    return apply(connection, fresh(), at)


@pytest.mark.parametrize(("plain", "code"), [(False, "E583"), (True, "")])
def test_a_commit_that_was_not_heard_of_takes_effect_once(database: str, proxy: Proxy, plain: bool, code: str) -> None:
    first = [True]

    def after(*_: Any) -> None:
        """The last thing before the commit."""
        if first:
            first.clear()
            proxy.hold("answers")

    committer = Committer(make_conninfo(database, host=str(proxy.folder)), lambda: datetime.now(UTC), after)  # type: ignore[attr-defined]

    async def write() -> Any:
        writing = asyncio.create_task(committer.write(fresh() if plain else work))
        await asyncio.to_thread(proxy.wait_held, "answers", READY)
        proxy.cut()
        return await writing

    try:
        answer = asyncio.run(write())
    finally:
        committer.stop()
    assert (answer.code if isinstance(answer, Fault) else "") == code
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from fhir.resource").fetchone() == (1,)
