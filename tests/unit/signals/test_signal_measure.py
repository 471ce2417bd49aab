"""The whole measurement against recordings of known make."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.fault import Fault
from inference.measure import Measured, analyse, measure
from tests.unit.signals.synthetic import LEADS, Truth, make


def measured(truth: Truth) -> Measured:
    found = measure(truth.samples, truth.rate, truth.leads)
    assert isinstance(found, Measured)
    return found


def value(found: Measured, name: str, lead: str = "") -> float:
    one = found.get(name, lead)
    assert one is not None, name
    return one.value


@pytest.mark.parametrize("rate", [100.0, 250.0, 257.0, 500.0, 1000.0])
def test_the_intervals_are_those_the_recording_was_made_with(rate: float) -> None:
    truth = make(rate=rate)
    found = measured(truth)
    assert value(found, "PR") == pytest.approx(truth.pr, abs=10)
    assert value(found, "QRS") == pytest.approx(truth.qrs, abs=10)
    assert value(found, "QT") == pytest.approx(truth.qt, abs=15)
    assert value(found, "P_duration") == pytest.approx(truth.p, abs=12)


@pytest.mark.parametrize("rate", [100.0, 257.0, 500.0, 1000.0])
def test_every_beat_is_found_at_its_sample(rate: float) -> None:
    truth = make(rate=rate, irregular=0.08)
    found = measured(truth)
    assert len(found.beats) == len(truth.beats)
    assert np.abs(np.array([b.time for b in found.beats]) - truth.beats).max() < 0.03
    assert np.abs(np.array([b.sample for b in found.beats]) / rate - truth.beats).max() < 0.03


def test_rate_is_that_of_the_recording() -> None:
    for bpm in (45.0, 70.0, 110.0, 150.0):
        assert value(measured(make(bpm=bpm)), "heart_rate") == pytest.approx(bpm, abs=1)


def test_values_alone_are_those_of_the_whole_measurement() -> None:
    truth = make(irregular=0.1)
    values, whole = measure(truth.samples, truth.rate, truth.leads, tables=False), measured(truth)
    assert isinstance(values, Measured)
    assert (values.measurements, values.beats, values.hints) == (whole.measurements, whole.beats, whole.hints)
    assert (values.waves, values.median) == ({}, None) != (whole.waves, whole.median)


@pytest.mark.parametrize("height", [400.0, 1000.0])
def test_a_wandering_baseline_does_not_bend_the_median(height: float) -> None:
    truth = make()
    t = np.arange(truth.samples.shape[1]) / truth.rate
    wander = np.stack([height * np.sin(2 * np.pi * 0.31 * t + phase) for phase in range(len(truth.leads))])
    found = measure(truth.samples + wander, truth.rate, truth.leads)
    assert isinstance(found, Measured)
    assert value(found, "PR") == pytest.approx(truth.pr, abs=12)
    assert value(found, "QRS") == pytest.approx(truth.qrs, abs=10)
    assert value(found, "QT") == pytest.approx(truth.qt, abs=20)
    calm, moved = measured(truth).get("ST_J60", "II"), found.get("ST_J60", "II")
    assert calm is not None
    assert moved is not None
    assert moved.value == pytest.approx(calm.value, abs=60)
    assert "0.5 Hz" in moved.method
    assert "0.5 Hz" not in calm.method


def test_without_p_waves_there_is_no_pr() -> None:
    found = measured(make(p_waves=False, irregular=0.15))
    assert found.get("PR") is None
    assert found.get("P_duration") is None
    assert found.get("QRS") is not None


def test_early_wide_beats_are_ventricular_and_do_not_bend_the_median() -> None:
    truth = make(seconds=30, ventricular=(5, 17, 25))
    found = measured(truth)
    assert [i for i, beat in enumerate(found.beats) if beat.kind == "ventricular"] == [5, 17, 25]
    assert value(found, "QRS") == pytest.approx(truth.qrs, abs=10)


def test_one_lead_is_enough() -> None:
    found = measured(make(leads=("II",)))
    assert found.get("PR") is not None
    assert found.get("QRS_axis") is None


def test_a_measurement_says_how_and_how_sure() -> None:
    for one in measured(make()).measurements:
        assert one.method
        assert 0 <= one.sure <= 1
        assert np.isfinite(one.value)


def test_the_answer_is_plain_json() -> None:
    truth = make()
    answer = analyse(truth.samples, truth.rate, truth.leads)
    assert json.loads(json.dumps(answer, allow_nan=False))["beats"][0]["kind"] == "normal"


def test_silence_has_no_beat_and_says_so() -> None:
    found = measure(np.zeros((12, 5000), np.float32), 500.0, LEADS)
    assert isinstance(found, Measured)
    assert found.beats == ()
    assert found.measurements == ()
    assert [w.code for w in found.warnings] == ["E806"]


@pytest.mark.parametrize(
    ("samples", "rate", "leads", "code"),
    [
        ("text", 500.0, ("I",), "E801"),
        (np.zeros(5000), 500.0, ("I",), "E801"),
        (np.zeros((1, 5000), complex), 500.0, ("I",), "E801"),
        (np.zeros((1, 5000)), "fast", ("I",), "E801"),
        (np.zeros((1, 5000)), float("nan"), ("I",), "E802"),
        (np.zeros((1, 5000)), 0.0, ("I",), "E802"),
        (np.zeros((2, 5000)), 500.0, ("I",), "E803"),
        (np.zeros((2, 5000)), 500.0, ("I", "I"), "E803"),
        (np.zeros((10_000, 600)), 500.0, tuple(str(i) for i in range(10_000)), "E804"),
        (np.zeros((1, 1)), 500.0, ("I",), "E805"),
        (np.zeros((0, 0)), 500.0, (), "E805"),
    ],
)
def test_nonsense_is_refused_with_its_code(samples: object, rate: object, leads: tuple[str, ...], code: str) -> None:
    found = measure(samples, rate, leads)
    assert isinstance(found, Fault)
    assert found.code == code
    assert analyse(samples, rate, leads)["fault"]["code"] == code


def test_gaps_are_bridged_and_told() -> None:
    truth = make()
    x = truth.samples.copy()
    x[:, 2000:2100] = np.nan
    x[0, 100] = np.inf
    found = measure(x, truth.rate, truth.leads)
    assert isinstance(found, Measured)
    assert [w.code for w in found.warnings] == ["E807"]
    assert len(found.beats) >= len(truth.beats) - 1
