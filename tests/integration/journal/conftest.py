"""A journal on a fresh database, and messages for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from engine.fault import Fault
from engine.journal import Journal
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
