"""The signal processing on real recordings, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

wfdb = pytest.importorskip("wfdb")

from benchmarks.beats import BEATS, fibrillation, match, outside, read  # noqa: E402
from benchmarks.delineation import NAMES, Tally, annotated, ours  # noqa: E402
from inference.measure import Measured, measure  # noqa: E402
from inference.signal.beats import detect  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.mark.parametrize(("record", "wrong"), [("101", 10), ("119", 5), ("208", 40), ("223", 10)])
def test_beats_are_found_as_annotated(shared_data: Path, record: str, wrong: int) -> None:
    x, rate, samples, symbols = read(shared_data / "mitdb", record, 0)
    reference = outside(samples[np.isin(symbols, list(BEATS))], fibrillation(samples, symbols))
    pairs, missed, false = match(reference, detect(x, rate), round(0.15 * rate))
    assert len(missed) + len(false) <= wrong
    assert len(pairs) > 1500


def test_the_matching_is_that_of_wfdb(shared_data: Path) -> None:
    from wfdb.processing import compare_annotations

    x, rate, samples, symbols = read(shared_data / "mitdb", "203", 0)
    reference = samples[np.isin(symbols, list(BEATS))]
    found = detect(x, rate)
    pairs, missed, false = match(reference, found, 54)
    theirs = compare_annotations(reference, found, 54)
    assert abs(len(pairs) - theirs.tp) <= 2
    assert abs(len(missed) - theirs.fn) <= 2
    assert abs(len(false) - theirs.fp) <= 2


def ludb(folder: Path, name: str) -> tuple[np.ndarray, float]:
    record = wfdb.rdrecord(str(folder / name))
    return (record.p_signal.T * 1000).astype(np.float32), float(record.fs)


def test_boundaries_are_near_the_annotated_ones(shared_data: Path) -> None:
    tally = Tally()
    for name in ("1", "13", "49", "101", "153", "189"):
        x, rate = ludb(shared_data / "ludb", name)
        marks, stretch = annotated(shared_data / "ludb", name)
        tally.add(marks, ours(x, rate), stretch, rate)
    for wave, tolerance in (("P", 15.0), ("QRS", 10.0), ("T", 25.0)):
        errors = np.array([(a, b) for _, w, a, b in tally.errors if w == wave])
        assert np.abs(errors.mean(axis=0)).max() < 8
        assert errors.std(axis=0).max() < tolerance
        right, missed, false = tally.counts[wave]
        assert right / (right + missed) > 0.97
        assert right / (right + false) > 0.97


def test_atrial_fibrillation_has_no_pr(shared_data: Path) -> None:
    x, rate = ludb(shared_data / "ludb", "101")
    found = measure(x, rate, NAMES)
    assert isinstance(found, Measured)
    assert found.get("PR") is None
    assert found.get("QT") is not None
