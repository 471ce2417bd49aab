"""Requests that hold no recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from api_calls import Array, call, encoded

from inference.models.labels import LEADS


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


def test_hostile_bodies_get_a_4xx_and_the_next_call_is_answered(models: Path, ecg: Array) -> None:
    flat = np.zeros((12, 5000))
    infinite = ecg.copy()
    infinite[0, 0] = np.inf
    bodies: list[tuple[dict[str, Any], int]] = [
        (encoded(flat), 200),
        (encoded(infinite), 400),
        (encoded(ecg[:, :100]), 400),
        (encoded(ecg, fs=1e12), 400),
        (encoded(ecg, fs=-1), 400),
        (encoded(ecg[:3], leads=["I", "II", "III"]), 422),
        (encoded(ecg), 200),
    ]

    async def work(client: httpx.AsyncClient) -> tuple[list[httpx.Response], Any]:
        answers = [await client.post("/clinical", json=one) for one, _ in bodies]
        return answers, (await client.get("/status")).json()

    answers, status = call(models, work)
    assert [one.status_code for one in answers] == [code for _, code in bodies]
    assert answers[0].json()["quality"] == {
        "readable": False, "reason": "the signal cannot be read", "leads": dict.fromkeys(LEADS, "flat"),
    }  # fmt: skip
    assert all(value is None for value in answers[0].json()["labels"].values())
    assert answers[1].json()["code"] == "E823"
    assert status["requests"] == 7
    assert status["refused"] == 5
    assert status["success_rate"] == 1.0
    assert status["worker_starts"] == 1
    assert {row["path"] for row in status["recent"]} == {"/clinical"}
