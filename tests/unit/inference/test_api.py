"""The two APIs over HTTP, with small models behind them."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from engine.fault import Fault, Kind, Refused
from engine.http import problem
from engine.types import Site
from fhir.validate import validate
from inference.api import routes
from inference.api.body import Signal, parse
from inference.ecgfm.labels import LABELS
from inference.models.labels import LEADS
from inference.models.manifest import SHIPPED
from inference.serve.client import Settings, worker_command

Array = np.ndarray[Any, Any]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID = UUID("01890000-0000-7000-8000-000000000001")


@dataclass(frozen=True)
class Recording:
    """What a reader gives."""

    samples: Array
    rate: float
    leads: tuple[str, ...]


def site(**settings: Any) -> Site:
    return Site({}, {}, settings, lambda: NOW, lambda: ID)


def call(models: Path, work: Callable[[httpx.AsyncClient], Awaitable[Any]], read: Any = None, **settings: Any) -> Any:
    async def body() -> Any:
        app = FastAPI()

        async def refused(_request: Request, error: Exception) -> Response:
            assert isinstance(error, Refused)
            return problem(error.fault)

        app.add_exception_handler(Refused, refused)
        app.include_router(routes(site(**settings), read, Settings(command=worker_command("own", models))))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await work(client)

    return asyncio.run(body())


def nested(ecg: Array) -> dict[str, Any]:
    return {"signal": np.round(ecg / 1000, 4).tolist(), "fs": 500}


def encoded(ecg: Array, **more: Any) -> dict[str, Any]:
    text = base64.b64encode(np.ascontiguousarray(ecg, "<f4").tobytes()).decode()
    return {"signal": text, "shape": list(ecg.shape), "fs": 500, "unit": "uV", **more}


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


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"{}",
        b'{"signal": null}',
        b'{"signal": []}',
        b'{"signal": [[]]}',
        b'{"signal": [[1, 2], [1]]}',
        b'{"signal": [[1, "2"]]}',
        b'{"signal": [[1, NaN]]}',
        b'{"signal": [[1, 1e999]]}',
        b'{"signal": [1, 2, 3]}',
        b'{"signal": [[1], 2]}',
        b'{"signal": "????", "shape": [1, 1]}',
        b'{"signal": "AAAA", "shape": [1, 1]}',
        b'{"signal": "AAAAAA==", "shape": [1, 99999999999]}',
        b'{"signal": "AAAAAA==", "shape": [-1, -1]}',
        b'{"signal": [[1, 2]], "fs": "fast"}',
        b'{"signal": [[1, 2]], "unit": "stone"}',
        b'{"signal": [[1, 2]], "leads": ["I", "II"]}',
        b'{"signal": [[1, 2], [1, 2]], "leads": ["I", "I"]}',
        b'{"signal": [[1, 2], [1, 2]]}',
        json.dumps({"signal": [[0.0]] * 10_000}).encode(),
        b'{"signal":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_no_recording_is_a_fault_and_never_raises(body: bytes) -> None:
    answer = parse(body)
    assert isinstance(answer, Fault) or (b"1e999" in body and isinstance(answer, Signal))


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


def lead_one(raw: bytes, name: str) -> Any:
    if raw == b"bad":
        return Fault(Kind.INCORRECT, "E150", "not an ECG file")
    return Recording(np.frombuffer(raw, "<f4")[None], 500.0, ("I",))


def test_a_file_becomes_a_valid_diagnostic_report(models: Path, ecg: Array) -> None:
    raw = np.ascontiguousarray(ecg[0], "<f4").tobytes()
    answer = call(models, lambda client: client.post("/diagnosis", files={"file": ("a.csv", raw)}), lead_one)
    report = answer.json()
    assert answer.status_code == 200
    assert validate(report) == []
    assert report["resourceType"] == "DiagnosticReport"
    assert report["category"][0]["coding"][0]["code"] == "EC"
    shares = [one["valueQuantity"]["value"] for one in report["contained"] if one["resourceType"] == "Observation"]
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(1, abs=0.001)
    assert "not a medical device" in report["conclusion"]


def test_an_unreadable_signal_gets_a_report_without_a_class(models: Path) -> None:
    raw = np.zeros(5000, "<f4").tobytes()
    report = call(models, lambda client: client.post("/diagnosis", files={"file": ("a.csv", raw)}), lead_one).json()
    assert validate(report) == []
    assert "conclusionCode" not in report
    assert report["conclusion"].startswith("No classification: the signal cannot be read.")


def test_what_is_no_file_gets_a_4xx(models: Path) -> None:
    async def work(client: httpx.AsyncClient) -> list[int]:
        answers = [
            await client.post("/diagnosis", files={"file": ("a.csv", b"bad")}),
            await client.post("/diagnosis", files={"other": ("a.csv", b"x")}),
            await client.post("/diagnosis", data={"file": "../../etc/passwd"}),
            await client.post("/diagnosis", content=b"--x", headers={"content-type": "multipart/form-data; boundary=x"}),
            await client.post("/diagnosis", json={}),
        ]
        return [answer.status_code for answer in answers]

    assert call(models, work, lead_one) == [400] * 5


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


@pytest.mark.parametrize(
    ("body", "at", "word"),
    [
        (b'{"signal": [[1, null]]}', "$.signal[0][1]", "got `null`"),
        (b'{"signal": [[1, NaN]]}', "", "malformed"),
        (b"{}", "", "`signal`"),
        (b'{"signal": [[1]], "fs": "500"}', "$.fs", "got `str`"),
        (b'{"signal": [[1, 2], [1, 2]], "leads": ["I", "Lead I"]}', "leads", "same lead"),
        (b'{"signal": "AAAAAA==", "shape": [5000, 12]}', "shape", "[leads, samples]"),
    ],
)
def test_a_fault_says_what_is_wrong_and_where(body: bytes, at: str, word: str) -> None:
    answer = parse(body)
    assert isinstance(answer, Fault)
    assert (answer.code, answer.at) == ("E830", at)
    assert word in answer.text
    assert answer.help


def test_a_file_without_a_signal_and_a_site_without_readers_are_said_so(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"file": ("a.xml", b"x")}
    without = call(models, lambda client: client.post("/diagnosis", files=files), lambda _raw, _name: object())
    assert (without.status_code, without.json()["code"]) == (422, "E832")
    monkeypatch.setattr("inference.api.service.ecg_reader", lambda: None)
    none = call(models, lambda client: client.post("/diagnosis", files=files))
    assert (none.status_code, none.json()["code"]) == (422, "E831")


def test_a_real_csv_is_read_by_the_installed_reader(models: Path, ecg: Array) -> None:
    rows = "\n".join(f"{value:.1f}" for value in ecg[0])
    text = f"sample rate;500\nlead;I\nunit;µV\n{rows}\n"
    answer = call(models, lambda client: client.post("/diagnosis", files={"file": ("../../etc/ecg.csv", text.encode())}))
    assert answer.status_code == 200
    assert validate(answer.json()) == []
