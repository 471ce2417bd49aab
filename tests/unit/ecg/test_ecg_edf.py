"""EDF and EDF+ as pyedflib writes them."""

from __future__ import annotations

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import ROWS, good


@pytest.mark.parametrize("plus", [True, False])
def test_edf_reads_as_pyedflib_wrote_it(plus: bool) -> None:
    one = good(made.edf(ROWS[:3], plus=plus))
    assert (one.leads, one.rate) == (("I", "II", "III"), 500.0)
    assert np.abs(one.samples[:, :1000] - ROWS[:3] * (16384 / 65535)).max() < 0.26  # zero lies between two steps
    assert one.filters.high_pass == 0.05
    if plus:
        assert (one.patient.id, one.patient.sex) == ("P-7", "female")
        assert [(mark.label, mark.start) for mark in one.annotations] == [("beat", 250)]


def test_in_an_edf_of_a_sleep_laboratory_the_ecg_is_read_though_others_are_sampled_faster() -> None:
    one = good(made.edf_signals([("EEG C3", "uV", 1000), ("EKG-V5", "uV", 500), ("Resp", "", 25), ("ECG 2", "mV", 500)]))
    assert (one.leads, one.rate, one.samples.shape) == (("V5", "2"), 500.0, (2, 1000))
    assert one.samples[:, 0].tolist() == pytest.approx([2, 4000], abs=31)  # half a step of 2000 mV in 16 bits is 15 µV
    assert one.warnings == ("signals of another unit or a lower rate are left out",)


def test_a_discontinuous_edf_keeps_its_gaps() -> None:
    one = good(made.interrupted(made.edf(ROWS[:1, :1000])))
    assert one.samples.shape == (1, 2000)
    assert np.isnan(one.samples[0, 500:1500]).all()
    assert not np.isnan(one.samples[0, :500]).any()
    assert any("interrupted" in warning for warning in one.warnings)
