"""POST /saliency: what answers rest on, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from api_calls import call, encoded

from inference.models.labels import LEADS

Array = np.ndarray[Any, Any]


def post(models: Path, body: Any, query: str = "") -> httpx.Response:
    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(f"/saliency{query}", json=body)

    answer: httpx.Response = call(models, work)
    return answer


def test_labels_asked_for_are_explained_per_lead_and_second(models: Path, ecg: Array) -> None:
    answer = post(models, encoded(ecg), "?label=super:MI&label=rhythm:AFIB").json()
    assert [row["label"] for row in answer["saliency"]] == ["super:MI", "rhythm:AFIB"]
    for row in answer["saliency"]:
        assert {name: len(weights) for name, weights in row["leads"].items()} == dict.fromkeys(LEADS, 10)
        assert max(abs(weight) for weights in row["leads"].values() for weight in weights) == 1
        assert 0 < row["probability"] < 1
        assert row["step_seconds"] == 1
    assert "not a medical device" in answer["notice"]


def test_without_a_label_the_top_findings_are_explained(models: Path, ecg: Array) -> None:
    rows = post(models, encoded(ecg)).json()["saliency"]
    assert 1 <= len(rows) <= 3
    alone = post(models, encoded(ecg[:1])).json()
    assert alone["model"]["name"] == "lead_one"
    assert list(alone["saliency"][0]["leads"]) == ["I"]


def test_where_the_model_abstains_nothing_is_explained(models: Path) -> None:
    answer = post(models, encoded(np.zeros((12, 5000), np.float32)), "?label=super:MI").json()
    assert answer["saliency"] == []
    assert answer["quality"]["readable"] is False


@pytest.mark.parametrize("query", ["?label=nonsense", "?" + "&".join(["label=super:MI"] * 9)])
def test_labels_the_model_does_not_know_or_too_many_are_refused(models: Path, ecg: Array, query: str) -> None:
    answer = post(models, encoded(ecg), query)
    assert (answer.status_code, answer.json()["code"]) == (400, "E835")
