"""WFDB records of several segments, as files, zipped, and beside the reference library."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import ecg_made as made
import numpy as np
import pytest

from adapters.ecg import Recording, read
from adapters.ecg.folder import read_path
from engine.fault import Fault

FIRST, SECOND = made.tracing(3, 700), made.tracing(2, 500)


def piece(name: str, rows: np.ndarray, leads: tuple[str, ...]) -> dict[str, bytes]:
    files = made.wfdb_files(rows, "16", leads=leads)
    return {file.replace("made", name): data.replace(b"made", name.encode()) for file, data in files.items()}


def variable() -> dict[str, bytes]:
    """Three leads, a pause of 100 samples, then two of them in another order."""
    files = piece("one", FIRST, ("I", "II", "V1")) | piece("two", SECOND, ("V1", "I"))
    layout = "all_layout 3 500 0\n" + "".join(f"~ 0 200/mV 16 0 0 0 0 {lead}\n" for lead in ("I", "II", "V1"))
    master = "all/4 3 500 1300 10:11:12 03/02/2021\nall_layout 0\none 700\n~ 100\ntwo 500\n# 61 M 1 1 x\n"
    return files | {"all_layout.hea": layout.encode(), "all.hea": master.encode()}


def fixed() -> dict[str, bytes]:
    files = piece("one", FIRST, ("I", "II", "V1")) | piece("two", FIRST[:, ::-1], ("I", "II", "V1"))
    return files | {"all.hea": b"all/2 3 500 1400\none 700\ntwo 700\n"}


@pytest.mark.parametrize("files", [variable(), fixed()], ids=["variable", "fixed"])
def test_segments_stand_one_after_the_other_as_the_reference_library_has_them(files: dict[str, bytes], tmp_path: Path) -> None:
    one = read(files["all.hea"], beside=files)
    assert isinstance(one, Recording), one
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    oracle = pytest.importorskip("wfdb").rdrecord(str(tmp_path / "all"), m2s=True)
    assert one.leads == tuple(oracle.sig_name)
    assert (one.rate, one.samples.shape) == (oracle.fs, oracle.p_signal.T.shape)
    assert np.array_equal(np.isnan(one.samples), np.isnan(oracle.p_signal.T))
    assert np.nanmax(np.abs(one.samples - oracle.p_signal.T * 1000)) < 0.01
    again = read_path(tmp_path / "all.hea")
    assert isinstance(again, Recording)
    assert np.array_equal(again.samples, one.samples, equal_nan=True)


def test_pauses_and_leads_that_are_not_there_are_gaps_and_the_master_says_when() -> None:
    files = variable()
    one = read(files["all.hea"], beside=files)
    assert isinstance(one, Recording)
    assert np.isnan(one.samples[:, 700:800]).all()
    assert np.isnan(one.samples[1, 800:]).all()
    assert one.samples[2, 800] == SECOND[0, 0] * 5 and one.samples[0, 800] == SECOND[1, 0] * 5
    assert one.start is not None and one.start.isoformat() == "2021-02-03T10:11:12"
    assert one.patient.sex == "male"
    assert any("gaps" in warning for warning in one.warnings)


def test_a_zipped_record_of_segments_is_read_by_its_master() -> None:
    files, packed = variable(), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"x/{name}", data)
    one, other = read(packed.getvalue()), read(files["all.hea"], beside=files)
    assert isinstance(one, Recording) and isinstance(other, Recording)
    assert np.array_equal(one.samples, other.samples, equal_nan=True)
    assert not any("several records" in warning for warning in one.warnings)


@pytest.mark.parametrize(
    ("master", "code"),
    [
        (b"all/2 3 500 1400\none 700\nthree 700\n", "E159"),
        (b"all/9 3 500 1400\none 700\n", "E152"),
        (b"all/1 3 500 1400\none\n", "E152"),
        (b"all/1 3 500 1400\n~ 700\n", "E152"),
        (b"all/1 3 500 1400\nall 700\n", "E157"),
        (b"all/2 3 500 1400\none 700\n~ 99999999999\n", "E153"),
    ],
)
def test_what_cannot_be_put_together_is_a_fault(master: bytes, code: str) -> None:
    files = fixed() | {"all.hea": master}
    found = read(master, beside=files)
    assert isinstance(found, Fault)
    assert found.code == code
