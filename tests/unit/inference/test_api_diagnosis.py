"""POST /diagnosis: a file becomes a DiagnosticReport."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from api_calls import Array, call

from engine.fault import Fault, Kind
from fhir.validate import validate


@dataclass(frozen=True)
class Recording:
    """What a reader gives."""

    samples: Array
    rate: float
    leads: tuple[str, ...]


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
