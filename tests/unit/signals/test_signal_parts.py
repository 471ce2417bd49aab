"""The parts of the signal processing, each against something known."""

from __future__ import annotations

import numpy as np
import pytest

from inference.measure import Measured, measure
from inference.signal.beats import detect
from inference.signal.filters import band, diagnostic, find_mains, monitoring, remove_mains
from inference.signal.flutter import episodes
from inference.signal.resample import resample
from inference.signal.rhythm import corrected, rhythm
from inference.signal.spikes import paced
from tests.unit.signals.synthetic import LEADS, make


def tone(hertz: float, rate: float = 500.0, seconds: float = 20.0, size: float = 100.0) -> np.ndarray:
    return (size * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)[None]


def gain(x: np.ndarray, y: np.ndarray) -> float:
    middle = slice(x.shape[1] // 4, -x.shape[1] // 4)
    return float(np.std(y[:, middle]) / np.std(x[:, middle]))


@pytest.mark.parametrize(("hertz", "low", "high"), [(0.02, 0.0, 0.3), (1.0, 0.97, 1.03), (40.0, 0.97, 1.03), (220.0, 0.0, 0.45)])
def test_the_diagnostic_band_passes_what_it_should(hertz: float, low: float, high: float) -> None:
    x = tone(hertz, seconds=200 if hertz < 1 else 20)
    assert low <= gain(x, diagnostic(x, 500.0)) <= high


@pytest.mark.parametrize(("hertz", "low", "high"), [(0.1, 0.0, 0.1), (5.0, 0.97, 1.03), (100.0, 0.0, 0.2)])
def test_the_monitoring_band_passes_what_it_should(hertz: float, low: float, high: float) -> None:
    x = tone(hertz, seconds=60)
    assert low <= gain(x, monitoring(x, 500.0)) <= high


def test_filters_have_no_phase() -> None:
    t = np.arange(5000) / 500.0
    x = np.exp(-0.5 * ((t - 5.0) / 0.02) ** 2).astype(np.float32)[None] * 1000
    for filtered in (diagnostic(x, 500.0), monitoring(x, 500.0), remove_mains(x, 500.0, 50.0), band(x, 500.0, 0.5)):
        assert abs(int(filtered[0].argmax()) - 2500) <= 1


@pytest.mark.parametrize("line", [50.0, 60.0])
@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0])
def test_mains_is_found_and_removed_and_the_rest_stays(line: float, rate: float) -> None:
    clean = make(rate=rate, noise=2.0)
    hum = tone(line, rate, 10.0, 80.0)[:, : clean.samples.shape[1]]
    found = find_mains(clean.samples + hum, rate)
    assert found.frequency == line
    assert found.amplitude[0] == pytest.approx(80, rel=0.15)
    assert np.std(remove_mains(clean.samples + hum, rate, line) - clean.samples) < 8


def test_no_mains_is_found_where_there_is_none() -> None:
    assert find_mains(make(noise=10.0).samples, 500.0).frequency == 0.0


@pytest.mark.parametrize(("rate", "wanted"), [(360.0, 500.0), (1000.0, 500.0), (257.0, 500.0), (500.0, 100.0)])
def test_resampling_keeps_a_slow_tone_where_it_is(rate: float, wanted: float) -> None:
    out = resample(tone(5.0, rate), rate, wanted)
    expected = 100 * np.sin(2 * np.pi * 5.0 * np.arange(out.shape[1]) / wanted)
    assert np.abs(out[0] - expected)[100:-100].max() < 1.0
    assert out.shape[1] == pytest.approx(20 * wanted, abs=1)


def test_a_constant_stays_constant_when_resampled() -> None:
    out = resample(np.full((1, 1000), 5000.0, np.float32), 360.0, 500.0)
    assert np.abs(out - 5000.0).max() < 0.5


@pytest.mark.parametrize("bpm", [40.0, 75.0, 140.0])
@pytest.mark.parametrize("noise", [5.0, 60.0])
def test_single_lead_beats_are_all_found_and_no_others(bpm: float, noise: float) -> None:
    truth = make(seconds=60, bpm=bpm, noise=noise, leads=("II",), irregular=0.02)
    found = detect(truth.samples, truth.rate) / truth.rate
    assert len(found) == len(truth.beats)
    assert np.abs(found - truth.beats).max() < 0.04


def test_a_burst_of_noise_in_one_lead_of_twelve_adds_no_beats() -> None:
    truth = make(seconds=30)
    x = truth.samples.copy()
    x[3, 4000:8000] += 800 * np.random.default_rng(3).standard_normal(4000)
    assert len(detect(x, truth.rate)) == len(truth.beats)


def test_a_pause_is_a_pause() -> None:
    truth = make(seconds=30, noise=5)
    x = truth.samples.copy()
    x[:, 5000:8000] = 5 * np.random.default_rng(4).standard_normal((12, 3000))
    found = detect(x, truth.rate)
    inside = (truth.beats * 500 > 4900) & (truth.beats * 500 < 8100)
    assert not ((found > 5050) & (found < 7950)).any()
    assert abs(len(found) - int((~inside).sum())) <= 1


def test_flutter_is_an_episode_without_beats() -> None:
    truth = make(seconds=40, leads=("II", "V1"))
    x = truth.samples.copy()
    x[:, 7500:12500] = tone(4.0, seconds=10, size=900)
    found = episodes(x, 500.0)
    assert len(found) == 1
    assert abs(found[0][0] - 7500) < 750
    assert abs(found[0][1] - 12500) < 750
    whole = measure(x, 500.0, truth.leads)
    assert isinstance(whole, Measured)
    assert [e.kind for e in whole.episodes] == ["ventricular flutter or fibrillation"]
    assert not [b for b in whole.beats if 8000 < b.sample < 12000]
    rate = whole.get("heart_rate")
    assert rate is not None
    assert rate.value == pytest.approx(70, abs=2)


def test_a_sinus_rhythm_is_no_flutter() -> None:
    for bpm in (50.0, 100.0, 150.0):
        assert episodes(make(seconds=20, bpm=bpm).samples, 500.0) == []


def test_spikes_before_the_complexes_are_pacing() -> None:
    truth = make(p_waves=False)
    x = truth.samples.copy()
    for beat in truth.beats:
        x[:, round(beat * 500) - 24] += 900
    beats = np.round(truth.beats * 500).astype(np.int64)
    assert paced(x, 500.0, beats).all()
    assert not paced(truth.samples, 500.0, beats).any()
    found = measure(x, 500.0, LEADS)
    assert isinstance(found, Measured)
    assert {b.kind for b in found.beats} == {"paced"}


def test_rr_statistics_are_those_of_the_intervals() -> None:
    rr = np.array([0.8, 1.0, 0.9, 0.7, 1.1])
    times = np.concatenate([[0.0], np.cumsum(rr)])
    values = {m.name: m.value for m in rhythm(times, np.ones(6, bool), np.ones(5, bool), 1.0)}
    assert values["heart_rate"] == pytest.approx(60 / 0.9, abs=0.1)
    assert values["RR_mean"] == pytest.approx(900, abs=0.1)
    assert values["RR_median"] == pytest.approx(900, abs=0.1)
    assert values["SDNN"] == pytest.approx(158.1, abs=0.1)
    assert values["RMSSD"] == pytest.approx(1000 * np.sqrt((0.04 + 0.01 + 0.04 + 0.16) / 4), abs=0.1)


def test_qtc_by_hand() -> None:
    values = {m.name: m.value for m in corrected(400.0, 0.64, 1.0)}
    assert values["QTc_Bazett"] == pytest.approx(500.0, abs=0.1)  # 400 / 0.8
    assert values["QTc_Fridericia"] == pytest.approx(464.2, abs=0.1)  # 400 / 0.8618
    assert values["QTc_Framingham"] == pytest.approx(455.4, abs=0.1)  # 400 + 154 × 0.36
    assert values["QTc_Hodges"] == pytest.approx(459.1, abs=0.1)  # 400 + 1.75 × 33.75


def measured(x: np.ndarray) -> Measured:
    found = measure(x, 500.0, LEADS)
    assert isinstance(found, Measured)
    return found


def test_the_axis_follows_from_the_limb_leads() -> None:
    one = measured(make().samples).get("QRS_axis")
    assert one is not None
    # R 700 in I and 650 in aVF, their Q and S alike: a vector between 40 and 60 degrees
    assert 35 < one.value < 60


def test_st_elevation_is_measured_where_it_is() -> None:
    truth = make(noise=2)
    x = truth.samples.copy()
    t = np.arange(x.shape[1]) / 500.0
    for beat in truth.beats:
        rise = (1 + np.tanh((t - beat - 0.035) / 0.004)) * (1 - np.tanh((t - beat - 0.20) / 0.02)) / 4
        x[8] += 300 * rise
    before, after = measured(truth.samples), measured(x)
    for name in ("ST_J60", "ST_J80"):
        raised = after.get(name, "V3").value - before.get(name, "V3").value  # type: ignore[union-attr]
        assert raised == pytest.approx(300, abs=40)
        assert after.get(name, "V5").value == pytest.approx(before.get(name, "V5").value, abs=25)  # type: ignore[union-attr]


def test_amplitudes_are_those_it_was_made_with() -> None:
    found = measured(make(noise=2).samples)
    assert found.get("R_amplitude", "V5").value == pytest.approx(1200, rel=0.06)  # type: ignore[union-attr]
    assert found.get("S_amplitude", "V2").value == pytest.approx(-1300, rel=0.08)  # type: ignore[union-attr]
    assert found.get("T_amplitude", "V4").value == pytest.approx(380, rel=0.08)  # type: ignore[union-attr]


def codes(x: np.ndarray) -> list[str]:
    return [hint.code for hint in measured(x).hints]


def test_a_good_recording_gives_no_hint() -> None:
    assert codes(make().samples) == []


def test_a_dead_lead_is_told_and_not_measured() -> None:
    x = make().samples.copy()
    x[7] = 0.0
    found = measured(x)
    assert [(h.code, "V2" in h.text) for h in found.hints] == [("lead-off", True)]
    assert found.get("ST_J", "V2") is None
    assert found.get("QT") is not None


def test_swapped_arms_are_told() -> None:
    x = make().samples
    assert codes(x[[0, 2, 1, 4, 3, 5, *range(6, 12)]] * np.array([-1] + [1] * 11, np.float32)[:, None]) == ["arm-reversal"]


def test_swapped_chest_electrodes_are_told() -> None:
    assert codes(make().samples[[*range(7), 9, 8, 7, 10, 11]]) in (["chest-reversal"], [])
    assert codes(make().samples[[*range(8), 9, 8, 10, 11]]) == ["chest-reversal"]


def test_noise_makes_a_lead_worse() -> None:
    truth = make(noise=3)
    x = truth.samples.copy()
    x[6] += 500 * np.random.default_rng(5).standard_normal(x.shape[1])
    grades = {g.lead: g for g in measured(x).quality}
    assert grades["V1"].state == "poor"
    assert grades["V5"].state == "good"
