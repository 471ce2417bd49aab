"""XML formats without a public sample: files made from the written facts read back to the samples they were made of."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import ROWS, good, same


def test_muse_reads_eight_leads_and_derives_four() -> None:
    rows, median = made.tracing(8, 5000), made.tracing(8, 600)
    one = good(made.muse(rows, median))
    assert (one.leads, one.samples.shape, one.rate) == (made.STANDARD, (12, 5000), 500.0)
    i, ii = rows[0], rows[1]
    wanted = {"I": i, "II": ii, "III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2, "aVF": ii - i / 2, "V6": rows[7]}
    for lead, steps in wanted.items():
        assert one.lead(lead) == pytest.approx(steps * 4.88, abs=0.001)
    assert one.median is not None
    assert one.median.samples.shape == (12, 600)
    assert one.start == datetime(2023, 3, 4, 14, 5, 6)
    assert (one.patient.family, one.patient.birth_date, one.patient.sex, one.patient.age) == (
        "Jäger",
        "1961-02-28",
        "female",
        "61 a",
    )
    measured = {number.name: (number.value, number.unit) for number in one.measurements}
    assert measured["qrs_axis"] == (Decimal(-12), "deg")
    assert measured["p_duration"] == (Decimal(100), "ms")  # 50 samples of the median at 500 Hz
    assert [said.text for said in one.statements] == ["Normal sinus rhythm", "Otherwise normal ECG"]


def test_muse_rate_is_base_times_ten_to_the_exponent() -> None:
    assert good(made.muse(made.tracing(8, 500), made.tracing(8, 60), base=25, exponent=1)).rate == 250.0


def test_of_several_rhythms_in_a_muse_file_the_first_one_is_read() -> None:
    first, second = (made.muse(rows[:8, :500], rows[:8, :300]).decode("latin-1") for rows in (ROWS, ROWS + 1))
    both = first.replace(
        "</RestingECG>", second[second.rindex("<Waveform>") : second.rindex("</Waveform>") + 11] + "</RestingECG>"
    )
    one = good(both.encode("latin-1"))
    assert np.array_equal(one.samples, good(first.encode("latin-1")).samples)
    assert one.warnings == ("the file holds several waveforms of a kind; the first one is read",)


@pytest.mark.parametrize(("step", "unit"), [("0.002", "S"), ("2", "MSEC"), ("2000", "µs")])
def test_aecg_increments_in_other_spellings_of_their_unit(step: str, unit: str) -> None:
    plain = made.aecg(ROWS[:1]).decode()
    assert (
        good(plain.replace('<increment value="0.002" unit="s"/>', f'<increment value="{step}" unit="{unit}"/>').encode()).rate
        == 500
    )


def test_an_aecg_of_a_representative_beat_alone_is_that_beat() -> None:
    one = good(made.aecg(ROWS[:2]).replace(b"'RHYTHM'", b"'REPRESENTATIVE_BEAT'"))
    same(one, ROWS[:2], 2.5)
    assert one.median is None
    assert one.warnings == ("the file holds a representative beat only, and no rhythm",)


@pytest.mark.parametrize("charset", ["GB2312", "GBK", "gb18030", "Big5", "Shift_JIS", "EUC-KR"])
def test_aecg_in_the_charsets_of_east_asia(charset: str) -> None:
    name = {"EUC-KR": "김", "Shift_JIS": "山田", "Big5": "王"}.get(charset, "王")
    text = made.aecg(ROWS[:1], name).decode().replace("UTF-8", charset)
    one = good(text.encode(charset))
    assert one.patient.family == name
    assert np.array_equal(one.samples, good(made.aecg(ROWS[:1])).samples)


def test_mortara_eli_reads_offset_and_units_per_mv() -> None:
    one = good(made.mortara(ROWS))
    same(one, ROWS + 7, 2.5)
    assert (one.rate, one.start, one.patient.id, one.patient.sex) == (1000.0, datetime(2022, 1, 2, 3, 4, 5), "E-1", "male")
    assert one.measurements[0].value == 66


def test_schiller_reads_rate_with_exponent_and_unit_per_bit() -> None:
    one = good(made.schiller(ROWS))
    same(one, ROWS, 2.5)
    assert (one.rate, one.start, one.patient.birth_date) == (500.0, datetime(2021, 2, 3, 10, 11, 12), "1955-12-24")
    same(good(made.schiller(ROWS, per_bit="0.005", units="mV")), ROWS, 5)


def test_cardiosoft_reads_strip_data() -> None:
    one = good(made.cardiosoft(ROWS))
    same(one, ROWS, 5)
    assert (one.rate, one.start, one.patient.family) == (500.0, datetime(2019, 11, 3, 9, 5, 7), "Test")
    assert [(number.name, int(number.value)) for number in one.measurements] == [
        ("heart_rate", 58),
        ("pr", 170),
        ("qrs_axis", 20),
    ]


@pytest.mark.parametrize("version", ["1.03", "1.04", "1.04.01"])
@pytest.mark.parametrize("xli", [True, False])
def test_sierra_reads_plain_and_compressed(version: str, xli: bool) -> None:
    rows = made.tracing(length=700)
    one = good(made.sierra(rows, version, xli, "utf-8" if version == "1.03" else "utf-16"))
    same(one, rows, 5)
    assert one.start == datetime(2020, 5, 6, 7, 8, 9)
