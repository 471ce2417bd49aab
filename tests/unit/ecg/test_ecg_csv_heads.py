"""What the head of a file in columns says of rate, lead and unit, and what is assumed where it says nothing."""

from __future__ import annotations

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import ROWS, good, same

CSV = {
    "a column with head": "Name;Test\nAbtastrate;500 Hz\nLead;Lead II\nUnit;mV\n\n"
    + "\n".join(f"{v / 1000:.3f}".replace(".", ",") for v in ROWS[0]),
    "comma cells": "sample rate,500\nlead,II\nunit,mV\n" + "\n".join(f"{v / 1000:.3f}" for v in ROWS[0]),
    "tab and index": "fs\t500\nunit\tmV\ntime\tII\n" + "\n".join(f"{n}\t{v / 1000:.3f}" for n, v in enumerate(ROWS[0])),
    "blank and time": "unit: mV\ntime (s)  II\n" + "\n".join(f"{n / 500:.3f} {v / 1000:.3f}" for n, v in enumerate(ROWS[0])),
}


@pytest.mark.parametrize("name", CSV)
def test_csv_finds_rate_lead_and_unit(name: str) -> None:
    one = good(CSV[name].encode())
    assert (one.leads, one.rate) == (("II",), 500.0)
    assert np.array_equal(one.samples, ROWS[:1].astype(np.float32))


def test_csv_of_twelve_named_leads_in_microvolts() -> None:
    head = ",".join(made.STANDARD) + "\n"
    one = good((head + "\n".join(",".join(map(str, row)) for row in ROWS.T)).encode())
    same(one, ROWS, 1)
    assert one.rate == 512.0
    assert one.warnings == ("no sampling rate is stated; 512 Hz is assumed", "no unit is stated; µV is assumed")


def test_a_bare_column_is_lead_one_at_512_hz_in_microvolts_with_warnings() -> None:
    one = good("µV\n".encode() + "\n".join(map(str, ROWS[0])).encode())
    assert (one.leads, one.rate, len(one.warnings)) == (("I",), 512.0, 2)
    assert np.array_equal(one.samples[0], ROWS[0].astype(np.float32))
