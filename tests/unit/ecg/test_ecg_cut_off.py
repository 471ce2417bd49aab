"""Recordings that are cut off: read as far as they go where only their end can be missing, and loudly; refused elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import good
from ecg_seeds import written

from adapters.ecg import read
from adapters.ecg.fhir_parts import Context, Source
from adapters.ecg.resources import resources
from engine.fault import Fault

ROWS = made.tracing(2, 2500)  # five records of one second


def edf_like(kind: str) -> tuple[bytes, int]:
    """A file and the bytes of one data record."""
    body = made.edf(ROWS, plus=False) if kind == "edf" else made.bdf(ROWS, plus=False)
    return body, 2 * 500 * (2 if kind == "edf" else 3)


@pytest.mark.parametrize("kind", ["edf", "bdf"])
@pytest.mark.parametrize(("lost", "whole"), [(0.1, 4), (1, 4), (3.5, 1)])
def test_edf_and_bdf_are_read_up_to_the_last_whole_data_record(kind: str, lost: float, whole: int) -> None:
    body, record = edf_like(kind)
    entire = good(body)
    assert entire.warnings == ()
    one = good(body[: len(body) - int(lost * record)])
    assert np.array_equal(one.samples, entire.samples[:, : 500 * whole])
    assert one.warnings == (f"the file is cut off: {whole} of 5 data records are there",)


@pytest.mark.parametrize("kind", ["edf", "bdf"])
def test_without_one_whole_data_record_there_is_nothing_to_read(kind: str) -> None:
    body, record = edf_like(kind)
    found = read(body[: len(body) - 5 * record + 100])
    assert isinstance(found, Fault)
    assert (found.code, found.at) == ("E152", f"{kind.upper()} header")


@pytest.mark.parametrize("kind", ["edf", "bdf"])
def test_a_recording_that_was_never_closed_says_so(kind: str) -> None:
    body, _ = edf_like(kind)
    open_ended = body[:236] + b"-1      " + body[244:]
    told = "the header does not say how many data records there are, as that of a recording that was not closed"
    assert good(open_ended).warnings == (told,)
    assert np.array_equal(good(open_ended).samples, good(body).samples)
    cut = good(open_ended[:-1])
    assert cut.samples.shape == (2, 2000)
    assert cut.warnings == (told, "the last data record is cut off and left out")


def test_a_header_that_declares_more_than_an_ecg_has_is_refused_however_much_is_there() -> None:
    body, _ = edf_like("edf")
    found = read(body[:236] + b"99999999" + body[244:])
    assert isinstance(found, Fault)
    assert found.code == "E153"


def test_wfdb_samples_are_read_as_far_as_they_go() -> None:
    files = made.wfdb_files(ROWS, "16")
    one = good(files["made.hea"], beside=files | {"made.dat": files["made.dat"][: 4 * 700 + 3]})
    assert np.array_equal(one.samples, good(files["made.hea"], beside=files).samples[:, :700])
    assert "the file is cut off: 700 of 2500 samples are there" in one.warnings


def test_a_row_of_columns_that_the_end_of_the_file_cuts_is_left_out() -> None:
    head = "time [ms],I [mV],II [mV]\n0,0.1,0.2\n2,0.3,0.4\n4,0.5,0.6\n"
    assert good((head + "6,0.7,0.8").encode()).samples.shape == (2, 4)
    one = good((head + "6,0.7").encode())
    assert one.samples.shape == (2, 3)
    assert one.warnings == ("the last row is cut off and left out",)
    for odd in ("6,0.7\n", "6,0.7\n8,0.9,1.0", "6,x"):
        assert isinstance(read((head + odd).encode()), Fault)


@pytest.mark.parametrize("name", ["scp", "dicom", "aecg", "fhir"])
def test_formats_whose_parts_stand_one_behind_the_other_are_refused(name: str) -> None:
    whole = written(name)
    assert isinstance(read(whole[: len(whole) * 3 // 4]), Fault)


def test_what_was_odd_stands_as_a_note_with_the_tracing() -> None:
    body, _ = edf_like("edf")
    made_of = resources(good(body[:-1]), Source("0" * 64, body), Context(datetime(2024, 5, 6, tzinfo=UTC)))
    notes = {one["code"]["text"]: one.get("note") for one in made_of if one["resourceType"] == "Observation"}
    assert notes == {"ECG tracing": [{"text": "the file is cut off: 4 of 5 data records are there"}]}
    whole = resources(good(body), Source("0" * 64, body), Context(datetime(2024, 5, 6, tzinfo=UTC)))
    assert all("note" not in one for one in whole)
