"""Columns as tools of the field write them: `rdsamp`, spreadsheets, statistics programs, loggers."""

from __future__ import annotations

import ecg_made as made
import numpy as np
import pytest

from adapters.ecg import Recording, read
from engine.fault import Fault

ROWS = made.tracing(2, 500)


def good(text: str) -> Recording:
    found = read(text.encode())
    assert isinstance(found, Recording), found
    return found


def table(head: str, time: str = "", unit: float = 1000, mark: str = ",", every: float = 0.002) -> str:
    cells = [f"{v[0] / unit:.6f}{mark}{v[1] / unit:.6f}" for v in ROWS.T]
    return head + "\n" + "\n".join((time.format(n * every, n) + mark if time else "") + cell for n, cell in enumerate(cells))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        (table("'Elapsed time','I','II'\n'seconds','mV','mV'", "{0:.3f}"), 500),
        (table("'sample #','I','II'\n'#','mV','mV'\nfs,500", "{1}"), 500),
        (table("time_s,I_mV,II_mV", "{0:.3f}"), 500),
        (table("time_ms,lead_I_mV,lead_II_mV", "{0:.0f}", every=2), 500),
        (table("time_ms,I mV,II mV", "{0:.0f}", every=1), 1000),
        (table("Time (ms),I (mV),II (mV)", "{0:.0f}", every=1), 1000),
        (table("time_us,I_uV,II_uV", "{0:.0f}", 1, every=2000), 500),
        (table("t [µs];I [µV];II [µV]", "{0:.0f}", 1, ";", 4000), 250),
        (table("time,I_mV,II_mV", "00:00:0{0:.3f}"), 500),
        (table("'Elapsed time','I','II'\n'hh:mm:ss.mmm','mV','mV'", "'0:00:0{0:.3f}'"), 500),
    ],
)  # fmt: skip
def test_units_stand_in_names_and_beneath_them_and_times_in_their_own(text: str, rate: float) -> None:
    one = good(text)
    assert (one.leads, one.rate, one.start) == (("I", "II"), rate, None)
    assert np.array_equal(one.samples, ROWS.astype(np.float32))


def test_a_lead_that_is_called_v_is_no_volt() -> None:
    one = good("fs,500\nunit,uV\nlead II,lead V\n1,2\n3,4\n5,6\n")
    assert one.samples.tolist() == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.parametrize("word", ["NA", "N/A", "null", "None", "-", "nan", ""])
def test_words_for_nothing_are_gaps(word: str) -> None:
    one = good(f"fs,500\nunit,uV\nI,II\n1,2\n{word},-4\n-5,{word}\n7,8\n")
    assert [list(map(str, row)) for row in one.samples] == [["1.0", "nan", "-5.0", "7.0"], ["2.0", "-4.0", "nan", "8.0"]]


def test_clocks_that_tell_no_day_run_on_over_midnight() -> None:
    one = good("time,I_uV\n23:59:59.994,1\n23:59:59.996,2\n23:59:59.998,3\n00:00:00.000,4\n00:00:00.002,5\n")
    assert (one.rate, one.start) == (500, None)
    assert one.samples.tolist() == [[1, 2, 3, 4, 5]]
    back = read(b"time,I_uV\n10:00:00.000,1\n10:00:00.002,2\n09:00:00.000,3\n")
    assert isinstance(back, Fault)
    assert back.code == "E156"


@pytest.mark.parametrize(
    "text", ['"I","II"\n' + "1,2\n" * 2000 + '"1\0","2"\n', '"\0a","\0b"\n' + "1,2\n" * 9, '<?xml "' + "x" * 5000 + '\0"']
)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_zeros_between_quotes_give_a_recording_or_a_fault(text: str, charset: str) -> None:
    assert isinstance(read(text.encode(charset)), Recording | Fault)
