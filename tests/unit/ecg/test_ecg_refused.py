"""What a reader or the drawing refuses, each by its code."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ecg_made as made
import pytest
from fastapi import FastAPI

from adapters.ecg import Recording, read
from adapters.ecg.draw import Options
from adapters.ecg.output import draw_to
from adapters.ecg.trends import FOREIGN, routes
from engine.fault import Fault
from engine.types import Site
from engine.uuid7 import uuid7

ROWS = made.tracing(length=500)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (made.schiller(ROWS).replace(b"<data>", b"<data>x ", 1), "E156"),
        (made.cardiosoft(ROWS).replace(b",", b",x", 1), "E156"),
        (b"time,I\n0,1\n1,2\n2,x,3\n", "E156"),
        (b"made/2 12 500 500\nmade_1 250\nmade_2 250\n", "E159"),
    ],
)
def test_samples_that_are_no_numbers_and_codings_that_are_not_read(body: bytes, code: str) -> None:
    found = read(body, "made.hea" if body.startswith(b"made") else "")
    assert isinstance(found, Fault), found
    assert found.code == code


def test_a_picture_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    recording = read(made.cardiosoft(ROWS))
    assert isinstance(recording, Recording)
    found = draw_to(recording, tmp_path / "x.png", Options(), None, None)
    assert isinstance(found, Fault)
    assert found.code == "E164"
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("origin", [b"https://elsewhere.example", b"null", b"http://engine.example.evil"])
def test_a_page_of_another_site_may_not_read_trends(origin: bytes) -> None:
    app = FastAPI()
    app.include_router(routes(Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)))
    scope: dict[str, Any] = {
        "type": "websocket", "asgi": {"version": "3.0"}, "scheme": "ws", "path": "/ws/ecg", "raw_path": b"/ws/ecg", "query_string": b"",
        "headers": [(b"host", b"engine.example"), (b"origin", origin)], "root_path": "", "subprotocols": [], "state": {},
        "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert FOREIGN.code == "E185"
    assert sent[0]["status"] == FOREIGN.kind.answer.http
    assert sent[-1]["body"] == FOREIGN.text.encode()
