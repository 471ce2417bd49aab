"""An address that others reach is warned of: there is no sign-in."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from engine.settings import Settings
from engine.types import Site
from engine.web import EXPOSED, Web, is_loopback


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.4", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, only_here: bool) -> None:
    assert is_loopback(host) is only_here


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_listening_beyond_loopback_is_warned_of_loudly(
    host: str, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site({}, {}, {}, lambda: datetime.now(UTC), uuid4)

    async def run() -> None:
        web = Web(site, Settings(tmp_path, http_host=host, http_port=0), lambda: {}, deploy)
        assert await web.start() is None
        await web.stop()

    async def deploy() -> list[object]:
        return []

    with caplog.at_level(logging.WARNING, "isthmus"):
        asyncio.run(run())
    assert (EXPOSED in [record.getMessage() for record in caplog.records]) is warned
