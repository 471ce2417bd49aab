"""DICOM as recorders write it, edited by pydicom."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import ecg_made as made
import numpy as np
import pytest

from adapters.ecg import Recording, read
from engine.fault import Fault

pydicom = pytest.importorskip("pydicom")
ROWS = made.tracing(length=500)
PLAIN = made.dicom([(made.STANDARD, ROWS, "RHYTHM")])


def edited(change: Callable[[Any], Any], body: bytes = PLAIN) -> Recording | Fault:
    data, out = pydicom.dcmread(io.BytesIO(body)), io.BytesIO()
    change(data)
    pydicom.dcmwrite(out, data, enforce_file_format=True)
    return read(out.getvalue())


def good(change: Callable[[Any], Any], body: bytes = PLAIN) -> Recording:
    found = edited(change, body)
    assert isinstance(found, Recording), found
    return found


@pytest.mark.parametrize(
    ("charset", "name", "family", "given"),
    [
        ("ISO_IR 126", "Διονυσιος", "Διονυσιος", ""),
        ("ISO_IR 127", "قباني^لنزار", "قباني", "لنزار"),
        ("ISO_IR 138", "שרון^דבורה", "שרון", "דבורה"),
        ("ISO_IR 166", "นามสกุล", "นามสกุล", ""),
        ("GB18030", "王^小东", "王", "小东"),
        ("ISO_IR 192", "王^小东", "王", "小东"),
        (["", "ISO 2022 IR 87"], "山田^太郎", "山田", "太郎"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada", "Tarou"),
        (["ISO 2022 IR 100"], "Jäger^Ä", "Jäger", "Ä"),
        ("ISO_IR 144", "Люксембург", "Люксембург", ""),
    ],
)
def test_names_are_read_in_the_character_set_that_is_named(charset: Any, name: str, family: str, given: str) -> None:
    def change(data: Any) -> None:
        data.SpecificCharacterSet, data.PatientName = charset, name

    who = good(change).patient
    assert (who.family, who.given) == (family, given)


def test_a_lead_may_be_named_by_its_label_alone() -> None:
    def change(data: Any) -> None:
        for channel, lead in zip(data.WaveformSequence[0].ChannelDefinitionSequence, made.STANDARD, strict=True):
            del channel.ChannelSourceSequence
            channel.ChannelLabel = f"Lead {lead}"

    assert good(change).leads == made.STANDARD


def test_a_pressure_beside_the_leads_is_left_out_and_alone_is_refused() -> None:
    def change(data: Any, channels: slice = slice(11, 12)) -> None:
        for channel in data.WaveformSequence[0].ChannelDefinitionSequence[channels]:
            channel.ChannelSensitivityUnitsSequence[0].CodeValue = "mm[Hg]"

    one = good(change)
    assert one.leads == made.STANDARD[:11]
    assert one.warnings == ("signals of another unit are left out",)
    assert np.array_equal(one.samples, (ROWS[:11] * 2.5).astype(np.float32))
    found = edited(lambda data: change(data, slice(0, 12)))
    assert isinstance(found, Fault)
    assert found.code == "E155"


def test_of_a_lead_in_a_column_and_in_a_strip_below_the_longer_one_is_read() -> None:
    columns = [(made.STANDARD[3 * n : 3 * n + 3], ROWS[3 * n : 3 * n + 3, 125 * n : 125 * n + 125], "RHYTHM") for n in range(4)]

    def change(data: Any) -> None:
        for n, group in enumerate(data.WaveformSequence):
            group.MultiplexGroupTimeOffset = str(250 * (n % 4))

    one = good(change, made.dicom([*columns, (("II",), ROWS[1:2], "RHYTHM")]))
    assert one.leads == made.STANDARD
    assert np.array_equal(one.samples[1], (ROWS[1] * 2.5).astype(np.float32))
    known = np.isfinite(one.samples)
    assert known.sum(axis=1).tolist() == [125, 500, *[125] * 10]
    assert np.array_equal(one.samples[known], (ROWS * 2.5).astype(np.float32)[known])
    assert len(set(one.warnings)) == len(one.warnings)


def test_a_group_of_another_rate_is_left_out_with_a_warning() -> None:
    def change(data: Any) -> None:
        data.WaveformSequence[1].SamplingFrequency = "1000"

    one = good(change, made.dicom([(made.STANDARD[:8], ROWS[:8], "RHYTHM"), (made.STANDARD[8:], ROWS[8:], "RHYTHM")]))
    assert one.leads == made.STANDARD[:8]
    assert one.warnings == ("a group of leads has another rate and is left out",)


def test_samples_of_64_bits_are_read() -> None:
    def change(data: Any) -> None:
        group = data.WaveformSequence[0]
        group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 64, "SV"
        group.WaveformData = ROWS.T.astype("<i8").tobytes()

    assert np.array_equal(good(change).samples, (ROWS * 2.5).astype(np.float32))
