"""Requests that hold no recording."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from test_api import call


@pytest.mark.parametrize("body", [b"", b"[]", b'{"signal": "?"}', b'{"signal": [[1, 2]], "fs": "x"}', b"\xff"])
def test_a_body_that_is_no_recording_is_refused(body: bytes, models: Path) -> None:
    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/clinical", content=body)

    answer = call(models, work)
    assert (answer.status_code, answer.json()["code"]) == (400, "E830")


def test_a_form_without_a_file_is_refused(models: Path) -> None:
    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post("/diagnosis", content=b"x"),
            await client.post("/diagnosis", files={"other": b"x"}),
            await client.post("/diagnosis", content=b"x", headers={"content-type": "multipart/form-data"}),
        ]

    answers = call(models, work)
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(400, "E833")] * 3
