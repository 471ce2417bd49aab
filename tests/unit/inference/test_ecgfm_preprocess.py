"""ECG-FM's preprocessing against the segments its authors published (CODE-15 %, Zenodo 4916206)."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from inference.ecgfm.preprocess import resample, segments, standardize


def test_the_published_segments_come_out_bit_for_bit(shared_data: Path) -> None:
    folder = shared_data / "ecg_fm_preprocessing"
    published = sorted((folder / "segments").glob("*.mat"))
    assert len(published) == 7
    for path in published:
        name, number = path.stem.rsplit("_", 1)
        raw = loadmat(folder / "raw" / f"{name}.mat")
        ours = segments(np.ascontiguousarray(raw["feats"]), float(raw["curr_sample_rate"].item()))
        assert np.abs(ours[int(number)] - loadmat(path)["feats"]).max() == 0.0


def test_a_lead_that_never_moves_becomes_zeros() -> None:
    x = np.vstack([np.full(2500, 3.0), np.arange(2500.0)])
    assert standardize(x)[0].tolist() == [0.0] * 2500
    assert standardize(x)[1].std() == pytest.approx(1.0)


def test_resampling_a_straight_line_leaves_it_straight() -> None:
    line = np.arange(400.0)[None]
    out = resample(line, 400.0)
    assert out.shape == (1, 500)
    assert np.allclose(np.diff(out), 399 / 499)


def test_what_is_left_after_the_last_whole_segment_is_dropped() -> None:
    x = np.random.default_rng(1).normal(size=(12, 6000))
    assert segments(x, 500.0).shape == (2, 12, 2500)
    assert segments(x[:, :2499], 500.0).shape == (0, 12, 2500)
