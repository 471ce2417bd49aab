"""A journal on a fresh database, and messages for it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pg_proxy import Proxy
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.fault import Fault
from engine.journal import Journal
from engine.journal.line import Line
from engine.types import Arrival, Envelope
from engine.uuid7 import uuid7

Make = Callable[..., Arrival]


@pytest.fixture
def journal(database: str) -> Iterator[Journal]:
    opened = Journal(database)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def make() -> Make:
    def arrival(
        control_id: str = "", key: str = "", body: bytes | None = None, fault: Fault | None = None, **rest: str
    ) -> Arrival:
        text = body if body is not None else f"message {control_id}".encode()
        envelope = Envelope(rest.get("type", "ORU^R01"), rest.get("sender", "LAB|A"), control_id, key)
        return Arrival(uuid7(), rest.get("channel", "labs"), "hl7v2", text, datetime.now(UTC), envelope, "peer", fault)

    return arrival


@pytest.fixture
def proxy(database: str) -> Iterator[Proxy]:
    folder = Path(tempfile.mkdtemp(prefix="isthmus-proxy-"))
    opened = Proxy(folder, f"{conninfo_to_dict(database)['host']}/.s.PGSQL.5432")
    opened.folder = folder  # type: ignore[attr-defined]
    yield opened
    opened.close()
    shutil.rmtree(folder)


@pytest.fixture
def line(database: str, proxy: Proxy) -> Iterator[Line]:
    opened = Line(make_conninfo(database, host=str(proxy.folder)), "test")  # type: ignore[attr-defined]
    opened.get()
    yield opened
    opened.drop()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as opened:
        yield opened
