"""The addendum: valid FHIR, the same ids for the same ECG and model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fhir.validate import validate
from inference import analysis
from inference.addendum import resources
from inference.interpret import Evidence, interpret
from inference.models.labels import LEADS
from inference.serve import backend

Array = np.ndarray[Any, Any]
BASE = {"subject": {"reference": "Patient/p"}, "effectiveDateTime": "2026-01-02T03:04:05Z"}


@pytest.fixture
def small(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = backend.own(models)
    monkeypatch.setattr(analysis, "own", lambda: own)


@pytest.mark.usefixtures("small")
def test_the_addendum_is_valid_and_its_ids_follow_from_ecg_and_model(ecg: Array) -> None:
    measured = {
        "measurements": [
            {"name": "heart_rate", "value": 75.0, "sure": 1.0, "lead": ""},
            {"name": "QRS", "value": 400.0, "sure": 0.1},
        ]
    }
    said = analysis.classify(ecg, 500, LEADS, measured)
    first = resources(said, "ab" * 32, BASE, "2026-01-02T03:05:00Z", "r1")
    again = resources(said, "ab" * 32, BASE, "2026-01-02T09:00:00Z", "r1")
    other = resources(said, "cd" * 32, BASE, "2026-01-02T03:05:00Z", "r1")
    assert [one["resourceType"] for one in first] == ["Device", "Observation", "DiagnosticReport", "Provenance"]
    for one in first:
        assert validate(one) == []
    assert [one["id"] for one in first] == [one["id"] for one in again]
    assert not {one["id"] for one in first[1:]} & {one["id"] for one in other}
    assert "not a medical device" in first[2]["conclusion"]
    assert len(first[1]["component"]) == 59


@pytest.mark.usefixtures("small")
def test_an_abstaining_model_leaves_a_reason_and_no_number() -> None:
    said = analysis.classify(np.zeros((12, 5000)), 500, LEADS)
    made = resources(said, "ab" * 32, BASE, "2026-01-02T03:05:00Z")
    for one in made:
        assert validate(one) == []
    assert "component" not in made[1]
    assert made[1]["dataAbsentReason"]["text"] == "the signal cannot be read"


def test_a_normal_ecg_is_coded_too_and_beside_other_findings_what_is_normal_is_not() -> None:
    def codes(shares: dict[str, float]) -> list[str]:
        found = interpret(Evidence(shares, {}, {})).as_dict()
        model = {"name": "twelve", "version": "1", "sha256": "ef"}
        said = {"model": model, "probabilities": shares, "abstained": None, "interpretation": found, "notice": found["notice"]}
        report = resources(said, "ab" * 32, BASE, "2026-01-02T03:05:00Z")[2]
        assert validate(report) == []
        return [one["text"] for one in report.get("conclusionCode", [])]

    assert codes({"super:NORM": 0.9, "rhythm:SR": 0.95}) == ["Sinus rhythm", "Normal ECG"]
    assert codes({"super:MI": 0.9, "rhythm:SR": 0.95}) == ["Myocardial infarction"]
    assert codes({"super:MI": 0.01}) == []


def test_unsure_measurements_decide_nothing() -> None:
    rows = [
        {"name": "QTc_Fridericia", "value": 520.0, "sure": 0.1, "lead": ""},
        {"name": "heart_rate", "value": 50.0, "sure": 0.9, "lead": ""},
        {"name": "QRS", "value": 130.0, "sure": 0.9, "lead": "V1"},
    ]
    assert analysis.evidence_of({"measurements": rows}) == {"heart_rate": 50.0}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("samples", [None, "x", [[1], [2, 3]], np.zeros(5), np.full((12, 5000), np.nan), np.zeros((1, 5000))])
def test_what_is_no_recording_is_a_fault(samples: Any) -> None:
    assert "fault" in analysis.classify(samples, 500, LEADS)


@pytest.mark.usefixtures("small")
def test_what_an_answer_rests_on_is_told_for_known_labels(ecg: Array) -> None:
    told = analysis.explain(ecg, 500, LEADS, ["super:MI", "no such label"])
    assert [one["label"] for one in told["saliency"]] == ["super:MI"]
    assert {name: len(row) for name, row in told["saliency"][0]["leads"].items()} == dict.fromkeys(LEADS, 10)
    assert "fault" in analysis.explain("nothing", 500, LEADS, ["super:MI"])
