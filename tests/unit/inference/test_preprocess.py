"""The one way from a recording to what the networks see."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from engine.fault import Fault
from inference.classify import Ready, ready, windows
from inference.decimate import decimate
from inference.leads import LEADS, name_of, twelve
from inference.preprocess import prepare


def wave(rate: float, seconds: float = 10.0) -> np.ndarray:
    time = np.arange(round(rate * seconds)) / rate
    return np.stack([1000 * np.sin(2 * np.pi * (lead + 1) * time) for lead in range(12)])


def test_a_recording_at_100_hz_passes_through_but_for_unit_and_median() -> None:
    x = np.random.default_rng(0).normal(0, 500, (12, 1000))
    assert np.allclose(prepare(x, 100), (x - np.median(x, axis=1, keepdims=True)) / 1000, atol=1e-6)


@pytest.mark.parametrize("rate", [125.0, 200.0, 240.0, 250.0, 257.0, 360.0, 400.0, 500.0, 512.0, 977.0, 1000.0])
def test_every_rate_gives_the_same_hundred_samples_a_second(rate: float) -> None:
    ours, wanted = prepare(wave(rate), rate), wave(100.0) / 1000
    assert ours.shape == (12, 1000)
    assert np.abs(ours - wanted)[:, 50:-50].max() < 0.03


def test_what_is_above_half_the_new_rate_is_gone() -> None:
    time = np.arange(5000) / 500
    hum = np.stack([1000 * np.sin(2 * np.pi * 120 * time)] * 12)
    assert np.abs(prepare(hum, 500)[:, 50:-50]).max() < 0.01


def test_training_and_serving_see_the_same_numbers(shared_data: Path) -> None:
    from inference.train.data import shard

    raw = shard(sorted((shared_data / "ptbxl").glob("signals_*.xz"))[-1])[7].astype(np.float32) * 5.0
    trained = prepare(raw, 100.0)
    served = ready(raw, 100.0, LEADS, LEADS)
    assert isinstance(served, Ready)
    assert np.array_equal(served.windows[0], trained)


def test_long_recordings_are_covered_from_end_to_end() -> None:
    x = np.arange(12 * 3450, dtype=np.float32).reshape(12, 3450)
    cut = windows(x)
    assert cut.shape == (6, 12, 1000)
    assert np.array_equal(cut[0], x[:, :1000])
    assert np.array_equal(cut[-1], x[:, -1000:])
    assert len(windows(np.zeros((12, 60_000), np.float32))) == 24


def test_limb_leads_follow_from_two() -> None:
    x = np.random.default_rng(1).normal(size=(8, 10))
    out = twelve(x, ["V6", "V5", "V4", "V3", "V2", "V1", "II", "I"])
    assert not isinstance(out, Fault)
    one, two = x[7], x[6]
    assert np.allclose(out[:6], [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    assert np.array_equal(out[6:], x[5::-1])


@pytest.mark.parametrize(
    ("text", "name"),
    [("MDC_ECG_LEAD_AVR", "aVR"), ("avl", "aVL"), (" Lead II ", "II"), ("ecg_v3", "V3"), ("C4", "V4"), ("X", "X")],
)
def test_lead_names_as_devices_write_them(text: str, name: str) -> None:
    assert name_of(text) == name


def test_a_missing_lead_is_named() -> None:
    answer = twelve(np.zeros((11, 5)), LEADS[:11])
    assert isinstance(answer, Fault)
    assert answer.at == "V6"


@given(st.integers(0, 30), st.integers(0, 700), st.floats(allow_nan=True), st.integers(0, 30))
def test_any_shape_rate_and_names_are_ready_or_a_fault(leads: int, samples: int, rate: float, names: int) -> None:
    answer = ready(np.zeros((leads, samples)), rate, [f"x{n}" for n in range(names)], LEADS)
    assert isinstance(answer, Fault | Ready)


@given(st.integers(2, 12), st.integers(1, 4), st.integers(30, 600), st.integers(0, 2**32 - 1))
def test_every_kth_sample_is_what_scipy_resamples(down: int, leads: int, length: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(0, 1, (leads, length))
    expected = resample_poly(x, 1, down, axis=1, padtype="edge")
    assert decimate(x, down) == pytest.approx(expected, abs=1e-12)
