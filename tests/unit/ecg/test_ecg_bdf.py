"""BDF, which is EDF in 24 bits, as pyedflib writes it."""

from __future__ import annotations

from fractions import Fraction

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import good

ROWS = made.tracing(3, 1000) * 37 + np.array([[6_300_000], [-6_300_000], [0]])  # wider than 16 bits, and their signs


@pytest.mark.parametrize("plus", [True, False])
def test_every_step_of_24_bits_is_read_as_pyedflib_wrote_it(plus: bool) -> None:
    one = good(made.bdf(ROWS, plus=plus))
    assert (one.format, one.leads, one.rate) == ("bdf", ("I", "II", "III"), 500.0)
    assert np.array_equal(one.samples.astype(np.float64) * 32, ROWS)
    assert [Fraction(step) for step in one.scale] == [Fraction(1, 32)] * 3
    assert not one.warnings
    if plus:
        assert one.patient.id == "P-7"
        assert [(mark.label, mark.start) for mark in one.annotations] == [("beat", 250)]


def test_the_status_channel_is_left_out() -> None:
    body = bytearray(made.bdf(ROWS[:2], plus=False))
    body[256 + 16 : 256 + 32] = b"Status".ljust(16)
    unit = 256 + (16 + 80) * 2 + 8
    body[unit : unit + 8] = b"Boolean ".ljust(8)
    one = good(bytes(body))
    assert one.leads == ("I",)
    assert np.array_equal(one.samples.astype(np.float64) * 32, ROWS[:1])
    assert one.warnings == ("signals of another unit or a lower rate are left out",)


def test_a_discontinuous_file_keeps_its_gaps() -> None:
    one = good(made.interrupted(made.bdf(ROWS[:1])))
    assert one.samples.shape == (1, 2000)
    assert np.isnan(one.samples[0, 500:1500]).all()
