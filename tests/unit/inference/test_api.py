"""The two APIs over HTTP, with small models behind them."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from api_calls import Array, call, encoded, nested, site
from fastapi import FastAPI

from fhir.validate import validate
from inference.api import routes
from inference.ecgfm.labels import LABELS
from inference.models.labels import LEADS
from inference.models.manifest import SHIPPED


def test_clinical_answers_all_seventeen_labels_and_null_for_what_it_does_not_know(models: Path, ecg: Array) -> None:
    answer = call(models, lambda client: client.post("/clinical", json=nested(ecg))).json()
    assert list(answer["labels"]) == list(LABELS)
    assert answer["labels"]["Ventricular tachycardia"] is None
    assert answer["labels"]["Poor data quality"] is None
    assert 0 < answer["labels"]["Atrial fibrillation"] < 1
    row = next(one for one in answer["clinical"] if one["label"] == "Right bundle branch block")
    assert row["basis"] == "narrower"
    assert set(row["from"]) == {"sub:CRBBB", "sub:IRBBB"}
    assert len(answer["statements"]) == 59
    assert answer["notes"] == ["no unit was given: taken as mV by its size"]
    assert "not a medical device" in answer["notice"]
    assert len(answer["model"]["sha256"]) == 64


def test_features_have_values_and_both_has_both(models: Path, ecg: Array) -> None:
    async def work(client: httpx.AsyncClient) -> tuple[Any, Any]:
        features = (await client.post("/features", json=nested(ecg))).json()
        both = (await client.post("/both", json=nested(ecg))).json()
        return features, both

    features, both = call(models, work)
    assert len(features["features"]["values"]) == features["features"]["dimension"] == 32
    assert both["features"] == features["features"]
    assert set(both["labels"]) == set(LABELS)


def test_nested_flat_and_base64_signals_in_either_unit_and_any_order_answer_alike(models: Path, ecg: Array) -> None:
    order = [5, 0, 11, 3, 4, 1, 6, 2, 10, 9, 8, 7]
    bodies = [
        nested(ecg),
        encoded(ecg),
        encoded(ecg / 1000, unit="mV"),
        {"signal": ecg.ravel().tolist(), "shape": [12, 5000], "unit": "uV"},
        encoded(ecg[order], leads=[LEADS[number] for number in order]),
    ]

    async def work(client: httpx.AsyncClient) -> list[Any]:
        return [(await client.post("/clinical", json=one)).json()["statements"] for one in bodies]

    answers = call(models, work)
    for other in answers[1:]:
        for label, value in answers[0].items():
            assert other[label] == pytest.approx(value, abs=0.01)


def test_health_info_and_root_say_what_there_is(models: Path) -> None:
    async def work(client: httpx.AsyncClient) -> list[Any]:
        return [(await client.get(path)).json() for path in ("/health", "/info", "/")]

    health, info, root = call(models, work)
    assert health["status"] == "ok"
    assert info["labels"] == list(LABELS)
    assert info["ecg_fm"] == {"configured": False, "fault": None}
    assert "message" in root


def test_a_configured_checkpoint_that_cannot_be_read_is_said_so(models: Path, ecg: Array, tmp_path: Path) -> None:
    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        calls = [client.get("/health"), client.get("/info"), client.post("/clinical", json=encoded(ecg))]
        return [await one for one in (*calls, client.post("/clinical", json=encoded(ecg[:1])))]

    health, info, clinical, one_lead = call(models, work, ecg_fm=str(tmp_path / "none.pt"))
    assert health.status_code == 503, "a model that is not there is no missing page"
    assert info.json()["ecg_fm"]["fault"]["code"] == "E841"
    assert (clinical.status_code, clinical.json()["code"]) == (503, "E841")
    assert one_lead.json()["model"]["name"] == "lead_one", "ECG-FM reads twelve leads; one is for our own model"


def test_the_calls_are_described_with_examples(models: Path) -> None:
    app = FastAPI()
    app.include_router(routes(site()))
    paths = app.openapi()["paths"]
    for path in ("/clinical", "/features", "/both"):
        assert paths[path]["post"]["requestBody"]["content"]["application/json"]["examples"]
        assert paths[path]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert {"/health", "/info", "/status", "/diagnosis", "/"} <= set(paths)


def test_every_example_that_is_shown_can_be_sent_and_is_read(ecg: Array) -> None:
    async def work(client: httpx.AsyncClient) -> list[tuple[str, httpx.Response]]:
        shown = (await client.get("/openapi.json")).json()["paths"]
        bodies = [
            (path, one["value"])
            for path in ("/clinical", "/features", "/both", "/saliency")
            for one in shown[path]["post"]["requestBody"]["content"]["application/json"]["examples"].values()
        ]
        return [(path, await client.post(path, json=value)) for path, value in bodies]

    answers = call(SHIPPED, work)
    assert len(answers) == 12
    for path, answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.json()["quality"]["readable"], path


def test_one_lead_is_answered_by_the_model_of_lead_one_in_the_same_schema(models: Path, ecg: Array) -> None:
    async def work(client: httpx.AsyncClient) -> tuple[Any, Any, Any]:
        one = (await client.post("/both", json=encoded(ecg[:1]))).json()
        two = await client.post("/both", json=encoded(ecg[:2], leads=["I", "II"]))
        return one, two, (await client.get("/info")).json()

    one, two, info = call(models, work)
    assert one["model"]["name"] == "lead_one"
    assert set(one["labels"]) == set(LABELS)
    assert all(value is None for value in one["labels"].values())
    assert set(one["statements"]) == {"NORM", "CD", "STTC"}
    assert (two.status_code, two.json()["at"]) == (422, "V1, V2, V3, V4, V5, V6")
    assert [row["leads"] for row in info["answers"]] == [list(LEADS), ["I"]]


def test_what_was_assumed_is_noted(models: Path, ecg: Array) -> None:
    body = {"signal": encoded(ecg)["signal"], "shape": [12, 5000], "sampling_rate": 250}
    notes = call(models, lambda client: client.post("/clinical", json=body)).json()["notes"]
    assert notes == ["no unit was given: taken as uV by its size", "no rate was given: taken as 500 Hz"]
    rows = "\n".join(f"{value:.1f}" for value in ecg[0])
    report = call(models, lambda client: client.post("/diagnosis", files={"file": ("a.csv", rows.encode())})).json()
    said = [note["text"] for note in report["contained"][0]["note"][1:]]
    assert any("512 Hz is assumed" in text for text in said)
    assert validate(report) == []
    assert "effectiveDateTime" not in report, "nobody knows when it was recorded"
