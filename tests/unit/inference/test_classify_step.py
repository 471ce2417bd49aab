"""The step `classify`: an addendum from what the channel for ECGs hands over, made in another process."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest
from prometheus_client import REGISTRY

from engine.fault import Fault, Kind
from engine.types import Envelope, Filtered, Message, Site, Work
from fhir.validate import validate
from inference import analysis
from inference.models.labels import LEADS
from inference.serve import backend
from inference.step import Asked, Classify, perform, unpacked

Array = np.ndarray[Any, Any]
SITE = Site({}, {}, {}, lambda: datetime.now(UTC), lambda: UUID(int=1))
RECEIVED = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def small(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = backend.own(models)
    monkeypatch.setattr(analysis, "own", lambda: own)


def handed(samples: Array, **more: Any) -> bytes:
    row = {"digest": "ab" * 32, "report": "DiagnosticReport/r1", "leads": list(LEADS), "rate": 500, "patient": "P"}
    row |= {
        "samples": base64.b64encode(zlib.compress(samples.astype("<f4").tobytes(), 1)).decode(),
        "base": {"subject": {"reference": "Patient/p"}},
    }
    return json.dumps(row | more).encode()


def work(body: bytes) -> Work:
    return Work(Message(UUID(int=2), 1, "ecg_findings", "json", body, RECEIVED, Envelope()))


@pytest.mark.usefixtures("small")
def test_what_is_handed_over_becomes_an_addendum_written_once(ecg: Array) -> None:
    step = Classify().compile(SITE)
    assert not isinstance(step, Fault)
    found = step(work(handed(ecg)))
    assert isinstance(found, Work)
    labels = {"model": found.events[0].body["model"]["name"]}
    assert (REGISTRY.get_sample_value("engine_inferences_total", labels | {"outcome": "answered"}) or 0) >= 1
    assert (REGISTRY.get_sample_value("engine_inference_duration_seconds_count", labels) or 0) >= 1
    assert [put.body["resourceType"] for put in found.puts] == ["Device", "Observation", "DiagnosticReport", "Provenance"]
    assert all(put.once for put in found.puts)
    assert not [fault for put in found.puts for fault in validate(put.body)]
    [event] = found.events
    assert (event.topic, event.patient) == ("ecg", "P")
    assert event.body["of"] == "DiagnosticReport/r1"
    assert event.severity == event.body["interpretation"]["severity"]


def test_whole_steps_come_back_as_the_samples_they_were_however_they_wrap() -> None:
    steps = np.array([[-32768, 32767, 0, 5], [7, 7, -9, 32767]], np.int64)
    packed = base64.b64encode(zlib.compress(np.diff(steps, axis=1, prepend=0).astype("<i2").tobytes())).decode()
    row = {"digest": "", "report": "", "leads": ["I", "II"], "rate": 500, "samples": packed, "scale": [2.5, 5], "origin": [1, 0]}
    found = unpacked(msgspec.convert(row, Asked))
    assert found.dtype == np.float32
    assert found.tolist() == [[-81919.0, 81918.5, 1.0, 13.5], [35.0, 35.0, -45.0, 163835.0]]


@pytest.mark.usefixtures("small")
def test_a_critical_finding_is_marked_so_that_a_rule_can_see_it(ecg: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    said = analysis.classify(ecg, 500, LEADS)
    grave = said | {"interpretation": said["interpretation"] | {"severity": "critical"}}
    monkeypatch.setattr(analysis, "classify", lambda *_given: grave)
    found = perform(handed(ecg), RECEIVED)
    assert not isinstance(found, Fault)
    [observation] = [one for one in found[0] if one["resourceType"] == "Observation"]
    assert observation["interpretation"][0]["coding"][0]["code"] == "AA"
    assert validate(observation) == []


def test_the_work_is_handed_to_another_process_and_its_fate_is_the_messages(ecg: Array) -> None:
    late = Fault(Kind.INTERRUPTED, "E292", "late")

    def call(function: Any, *given: Any, timeout: float, patience: float) -> Fault:
        assert 0 < patience < timeout
        assert pickle.loads(pickle.dumps(function)) is perform
        pickle.dumps(given)
        return late

    step = Classify().compile(replace(SITE, call_slow=call))
    assert not isinstance(step, Fault)
    assert step(work(handed(ecg))) is late
    assert Classify.slow


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"digest": 1}', handed(np.zeros((12, 3)), scale=[1.0], origin=[0.0])])
def test_what_is_not_handed_over_by_the_engine_is_a_fault(body: bytes) -> None:
    found = perform(body, RECEIVED)
    assert isinstance(found, Fault)
    assert found.code == "E838"


@pytest.mark.usefixtures("small")
def test_a_recording_the_models_do_not_read_is_not_for_this_channel_and_without_models_it_is_held(
    ecg: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Classify().compile(SITE)
    assert not isinstance(step, Fault)
    for body in (handed(ecg[:1], leads=["X"]), handed(ecg, rate=1), handed(ecg[:, :100])):
        assert isinstance(step(work(body)), Filtered)
    none = Fault(Kind.NOT_FOUND, "E841", "no model")
    monkeypatch.setattr(analysis, "own", lambda: none)
    assert step(work(handed(ecg))) == none


@pytest.mark.usefixtures("small")
def test_a_sites_own_table_is_checked_before_it_is_deployed_and_then_used(ecg: Array, tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text("rate: {calm: [60, 100], critical: [40, 150]}\nfindings:\n  - {finding: Odd, present: model}\n")
    refused = Classify(findings=str(path)).compile(SITE)
    assert isinstance(refused, Fault)
    assert (refused.code, refused.at) == ("E850", "ours.yaml line 3:5")
    assert refused.text.startswith("ours.yaml line 3:5: `labels`"), "lint shows the channel's line, and this one in the text"
    path.write_text(
        "floor: 0.001\nrate: {calm: [60, 100], critical: [40, 150]}\nfindings:\n"
        '  - {finding: Ours, labels: ["super:NORM"], present: "0.001", severity: critical, group: Other}\n'
    )
    step = Classify(findings=str(path)).compile(SITE)
    assert not isinstance(step, Fault)
    done = step(work(handed(ecg)))
    assert isinstance(done, Work)
    [report] = [put.body for put in done.puts if put.body["resourceType"] == "DiagnosticReport"]
    assert report["conclusionCode"] == [{"text": "Ours"}]
