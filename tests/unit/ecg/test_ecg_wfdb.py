"""WFDB records, read as the reference library reads them."""

from __future__ import annotations

from pathlib import Path

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import good

from adapters.ecg import read
from engine.fault import Fault


@pytest.mark.parametrize("form", ["16", "212", "80", "24", "32", "310", "311"])
@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_wfdb_formats_read_as_the_reference_library_reads_them(form: str, count: int, tmp_path: Path) -> None:
    height = {"80": 120, "310": 500, "311": 500}.get(form, 2000)
    rows = made.tracing(count, 999, 1500).clip(-height, height)
    files = made.wfdb_files(rows, form, baseline=10)
    one = good(files["made.hea"], beside=files)
    assert np.array_equal(one.samples, ((rows - 10) * 5.0).astype(np.float32))
    assert not [warning for warning in one.warnings if form not in ("310", "311")]
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    oracle = pytest.importorskip("wfdb").rdrecord(str(tmp_path / "made"))
    assert np.abs(oracle.p_signal.T * 1000 - one.samples).max() < 0.001


def test_wfdb_signals_of_another_unit_are_left_out_and_leads_of_one_name_are_told_apart() -> None:
    head = b"r 5 500 3\na.dat 16 100/mV 16 0 0 0 0 ECG\na.dat 16 10/mmHg 16 0 0 0 0 ABP\nb.dat 16 1/uV 16 0 0 0 0 V5\n"
    head += b"a.dat 16 100/mV 16 0 0 0 0 ECG\nb.dat 16 1/uV\n"
    first, second = np.array([[1, 90, 2], [3, 91, 4], [5, 92, 6]], "<i2"), np.array([[7, 8], [9, 10], [11, 12]], "<i2")
    one = good(head, beside={"a.dat": first.tobytes(), "b.dat": second.tobytes()})
    assert one.leads == ("ECG", "V5", "ECG 2", "4")
    assert one.samples.tolist() == [[10, 30, 50], [7, 9, 11], [20, 40, 60], [8, 10, 12]]
    assert "signals of another unit are left out" in one.warnings
    nothing = read(b"r 1 500 3\na.dat 16 10/mmHg 16 0 0 0 0 ABP\n", beside={"a.dat": first.tobytes()})
    assert isinstance(nothing, Fault)
    assert nothing.code == "E155"
