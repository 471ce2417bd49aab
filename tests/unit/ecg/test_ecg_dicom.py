"""DICOM waveforms as pydicom writes them, in every transfer syntax."""

from __future__ import annotations

import time
import zlib
from datetime import datetime, timedelta, timezone

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import ROWS, good, same

from adapters.ecg import read
from engine.fault import Fault


@pytest.mark.parametrize("explicit", [True, False])
def test_dicom_reads_groups_medians_and_zone(explicit: bool) -> None:
    median = made.tracing(length=300)
    one = good(made.dicom([(made.STANDARD, ROWS, "RHYTHM"), (made.STANDARD, median, "MEDIAN BEAT")], explicit=explicit))
    same(one, ROWS, 2.5)
    assert one.start == datetime(2020, 1, 2, 3, 4, 5, 500_000, timezone(timedelta(hours=1)))
    assert (one.patient.family, one.patient.given, one.patient.sex) == ("Test", "Dicom", "female")
    assert one.median is not None
    assert one.median.samples.shape == (12, 300)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"])
def test_dicom_deflated_and_big_endian_read_as_the_plain_one(syntax: str) -> None:
    plain = made.dicom([(made.STANDARD, ROWS, "RHYTHM"), (made.STANDARD, ROWS[:, :300], "MEDIAN BEAT")])
    one, other = good(plain), good(made.dicom_again(plain, syntax))
    assert np.array_equal(one.samples, other.samples)
    assert (one.leads, one.rate, one.start, one.patient, one.scale) == (
        other.leads,
        other.rate,
        other.start,
        other.patient,
        other.scale,
    )
    assert other.median is not None
    assert np.array_equal(other.median.samples, one.samples[:, :300])


@pytest.mark.parametrize("explicit", [True, False])
def test_a_dicom_data_set_without_its_file_head_reads_the_same(explicit: bool) -> None:
    whole = made.dicom([(made.STANDARD, ROWS, "RHYTHM")], explicit=explicit)
    at = 144 + int.from_bytes(whole[140:144], "little")  # the meta group tells its own length
    one = good(whole[at:])
    same(one, ROWS, 2.5)
    assert one.start == good(whole).start


def test_a_deflated_dicom_that_holds_too_much_is_refused() -> None:
    plain = made.dicom([(made.STANDARD, ROWS, "RHYTHM")])
    again = made.dicom_again(plain, "1.2.840.10008.1.2.1.99")
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = again[: again.index(b"1.2.840.10008.1.2.1.99") + 22] + pack.compress(bytes(400 << 20)) + pack.flush()
    began = time.process_time()
    found = read(bomb)
    assert isinstance(found, Fault)
    assert time.process_time() - began < 1


def test_dicom_merges_the_groups_of_a_general_ecg() -> None:
    one = good(made.dicom([(made.STANDARD[:6], ROWS[:6], "RHYTHM"), (made.STANDARD[6:], ROWS[6:], "RHYTHM")]))
    same(one, ROWS, 2.5)
