"""Times as numbers in the first column: the rate is that of all rows, not of two of them, however coarse the clock writes."""

from __future__ import annotations

import numpy as np
import pytest
from ecg_read_back import good

from adapters.ecg import read
from engine.fault import Fault

ROWS = np.sin(np.arange(3000) / 9)


def columns(times: np.ndarray, digits: int, head: str = "time [s],I [mV],II [mV]") -> bytes:
    lines = [f"{t:.{digits}f},{v:.3f},{-v:.3f}" for t, v in zip(times, np.resize(ROWS, len(times)), strict=True)]
    return "\n".join([head, *lines, ""]).encode() if head else "\n".join([*lines, ""]).encode()


@pytest.mark.parametrize("rate", [125, 128, 200, 240, 250, 256, 360, 400, 500, 512, 977, 1000, 2000])
@pytest.mark.parametrize(
    ("unit", "digits", "head"),
    [
        (1, 3, "time [s]"),
        (1, 4, "Time (s)"),
        (1, 6, "t"),
        (1, 12, "time [s]"),
        (1e3, 0, "time [ms]"),
        (1e3, 2, "t_ms"),
        (1e6, 0, "time_us"),
    ],
)
def test_a_rate_is_found_though_the_times_are_rounded(rate: int, unit: float, digits: int, head: str) -> None:
    one = good(columns(np.arange(3000) / rate * unit, digits, f"{head},I [mV],II [mV]"))
    assert (one.leads, one.samples.shape, one.warnings) == (("I", "II"), (2, 3000), ())
    assert one.rate == pytest.approx(rate, rel=1e-3)  # 3000 rows in whole milliseconds tell no more
    if digits:
        assert one.rate == pytest.approx(rate, rel=1e-6)


def test_times_since_1970_tell_the_rate_too() -> None:
    assert good(columns(1.7e9 + np.arange(2500) / 250, 3, "timestamp,I [mV],II [mV]")).rate == 250
    assert good(columns(1.7e12 + np.arange(2500) * 1000 / 360, 0, "time_ms,I [mV],II [mV]")).rate == 360


def test_where_the_times_leap_gaps_stand() -> None:
    times = np.concatenate([np.arange(500), np.arange(800, 1300)]) / 512
    one = good(columns(times, 3))
    assert (one.rate, one.samples.shape) == (512, (2, 1300))
    assert np.isnan(one.samples[:, 500:800]).all()
    assert not np.isnan(one.samples[:, :500]).any()
    assert not np.isnan(one.samples[:, 800:]).any()
    assert one.warnings == ("the times leap; gaps stand where nothing was recorded",)


def test_a_stated_rate_goes_before_the_times_and_a_count_of_rows_tells_none() -> None:
    assert good(b"# sampling rate: 977 Hz\n" + columns(np.arange(900) / 500, 3)).rate == 977
    one = good(columns(np.arange(900.0), 0, "sample,I [mV],II [mV]"))
    assert one.rate == 512
    assert one.warnings == ("no sampling rate is stated; 512 Hz is assumed",)


def test_uneven_times_and_such_that_go_back_are_told() -> None:
    rng = np.random.default_rng(3)
    uneven = np.cumsum(rng.choice([0.001, 0.004, 0.009], 2000))
    one = good(columns(uneven, 3))
    assert one.samples.shape == (2, 2000)
    assert one.warnings == ("the times are uneven; one rate is assumed",)
    again = good(columns(np.concatenate([np.arange(500), np.arange(500)]) / 250, 3))
    assert (again.rate, again.samples.shape) == (250, (2, 1000))
    assert again.warnings == ("the times are uneven; one rate is assumed",)


def test_rounded_times_without_a_head_are_no_lead() -> None:
    one = good(columns(np.arange(3000) / 360, 3, ""))
    assert (one.rate, one.samples.shape) == (360, (2, 3000))


@pytest.mark.parametrize(
    "word", ["Zeit", "tiempo", "temps", "tempo", "tijd", "czas", "čas", "время", "时间", "時間", "시간", "Timestamp"]
)
def test_the_time_is_known_by_its_name_in_other_languages(word: str) -> None:
    one = good(columns(np.arange(900) / 250, 3, f"{word} (s),I (mV),II (mV)"))
    assert (one.leads, one.rate, one.warnings) == (("I", "II"), 250, ())
    assert good(columns(np.arange(900) / 250, 3, f"{word},I (mV),II (mV)")).rate == 250


@pytest.mark.parametrize("value", ["1e300", "nan", "-1e18", "9" * 30])
def test_times_beyond_sense_neither_raise_nor_cost(value: str) -> None:
    lines = columns(np.arange(100) / 250, 3).decode().splitlines()
    lines[50] = value + lines[50][lines[50].index(",") :]
    found = read("\n".join([*lines, ""]).encode())
    assert isinstance(found, Fault) or found.samples.size < 1_000_000
