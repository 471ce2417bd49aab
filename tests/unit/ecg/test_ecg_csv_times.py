"""Columns whose first is a time of day as ISO 8601 writes it: the rate, the start and the gaps follow from it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import good
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ecg import read
from engine.fault import Fault

ROWS = made.tracing(3, 300)  # µV
START = datetime(2024, 3, 31, 0, 59, 59, 900_000)


def stamp(nanoseconds: int, form: str = "T", digits: int = 3, zone: str = "") -> str:
    """So many ns after the start, cut after some digits as clocks do."""
    fraction = 900_000_000 + nanoseconds
    second = START.replace(microsecond=0) + timedelta(seconds=fraction // 1_000_000_000)
    rest = f"{fraction % 1_000_000_000:09d}"[:digits]
    return second.strftime(f"%Y-%m-%d{form}%H:%M:%S") + (f".{rest}" if digits else "") + zone


def columns(stamps: list[str], head: str = "unit{m}uV\ntimestamp{m}I{m}II{m}V1\n", mark: str = ",") -> bytes:
    rows = (mark.join([when, *map(str, row)]) for when, row in zip(stamps, np.resize(ROWS.T, (len(stamps), 3)), strict=True))
    return (head.format(m=mark) + "\n".join(rows) + "\n").encode()


def every(step: int, count: int = 300, **written: object) -> list[str]:
    return [stamp(n * step, **written) for n in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("form", ["T", " "])
@pytest.mark.parametrize("name", ["timestamp", "Time", "datetime", "Date/Time"])
def test_the_rate_and_the_start_are_told_by_the_times(mark: str, form: str, name: str) -> None:
    head = f"unit{{m}}uV\n{name}{{m}}I{{m}}II{{m}}V1\n"
    one = good(columns(every(2_000_000, form=form), head, mark))
    assert (one.format, one.leads, one.rate, one.start, one.warnings) == ("csv", ("I", "II", "V1"), 500.0, START, ())
    assert np.array_equal(one.samples, ROWS.astype(np.float32))


def test_columns_divided_by_blanks_and_those_without_names_have_times_too() -> None:
    one = good(columns(every(2_000_000), "unit: uV\ntime I II V1\n", " "))
    assert (one.leads, one.rate, one.start) == (("I", "II", "V1"), 500.0, START)
    bare = good(columns(every(2_000_000), ""))
    assert (bare.rate, bare.samples.shape) == (500.0, (3, 300))
    assert np.array_equal(bare.samples, ROWS.astype(np.float32))


def test_a_decimal_comma_stands_in_the_times_too() -> None:
    one = good(columns([each.replace(".", ",") for each in every(2_000_000)], mark=";"))
    assert (one.rate, one.start) == (500.0, START)


def test_quotes_may_stand_around_the_times() -> None:
    one = good(columns([f'"{each}"' for each in every(2_000_000, form=" ")]))
    assert (one.rate, one.start) == (500.0, START)


@pytest.mark.parametrize(("zone", "known"), [("Z", UTC), ("+00:00", UTC), ("+0530", timezone(timedelta(hours=5, minutes=30)))])
def test_a_zone_is_kept(zone: str, known: timezone) -> None:
    one = good(columns(every(4_000_000, zone=zone)))
    assert (one.rate, one.start) == (250.0, START.replace(tzinfo=known))


def test_the_hour_that_summer_time_leaves_out_is_no_gap() -> None:
    winter = every(2_000_000, 50, zone="+01:00")  # 100 ms, up to 02:00 by the clock, which is then 03:00
    late = [
        (START + timedelta(hours=1, milliseconds=2 * n)).isoformat(timespec="milliseconds") + "+02:00" for n in range(50, 300)
    ]
    one = good(columns(winter + late))
    assert (one.rate, one.samples.shape, one.warnings) == (500.0, (3, 300), ())


@settings(max_examples=40)
@given(rate=st.integers(50, 1000), digits=st.integers(3, 9))
def test_a_rate_is_found_though_its_times_are_cut_to_milliseconds(rate: int, digits: int) -> None:
    stamps = [
        stamp(n * 1_000_000_000 // rate, digits=digits) for n in range(4 * rate)
    ]  # in 4 s 1 ms is a quarter of a row at most
    assert good(columns(stamps)).rate == rate


def test_rows_of_one_second_share_its_time() -> None:
    one = good(columns([stamp(n * 4_000_000, digits=0) for n in range(2000)]))
    assert one.rate == 250.0
    assert one.start == START.replace(microsecond=0)


def test_where_the_times_leap_nothing_was_recorded() -> None:
    stamps = [stamp((n if n < 100 else n + 50) * 2_000_000) for n in range(300)]
    one = good(columns(stamps))
    assert (one.rate, one.samples.shape) == (500.0, (3, 350))
    assert np.isnan(one.samples[:, 100:150]).all()
    assert np.array_equal(np.delete(one.samples, slice(100, 150), 1), ROWS.astype(np.float32))
    assert any("gaps" in warning for warning in one.warnings)


def test_times_of_arrival_that_come_unevenly_give_one_rate_and_a_warning() -> None:
    beats = [0, 3, 4, 90, 92, 180, 260, 261, 262, 400, 401, 500]
    one = good(columns([stamp((n // 12 * 600 + beats[n % 12]) * 1_000_000) for n in range(300)]))
    assert one.samples.shape == (3, 300)
    assert one.rate == pytest.approx(20, rel=0.05)
    assert any("uneven" in warning for warning in one.warnings)


@pytest.mark.parametrize(
    ("stamps", "line"),
    [
        ([*every(2_000_000, 50), *every(2_000_000, 50)], "line 53"),  # they begin anew
        ([*every(2_000_000, 50), "2024-02-30T00:00:00.000"], "line 53"),
        ([*every(2_000_000, 50), "7"], "line 53"),
        ([*every(2_000_000, 50), "2024-03-31T00:59:59+99:99"], "line 53"),
    ],
)
def test_a_time_that_goes_back_or_is_none_is_told_by_its_line(stamps: list[str], line: str) -> None:
    found = read(columns(stamps))
    assert isinstance(found, Fault)
    assert (found.code, found.at) == ("E156", line)


def test_a_gap_of_years_is_refused_before_it_takes_memory() -> None:
    found = read(columns([*every(2_000_000, 50), "2034-01-01T00:00:00.000"]))
    assert isinstance(found, Fault)
    assert found.code == "E153"


def test_a_time_above_the_numbers_is_no_column() -> None:
    one = good(b"2024-01-02T03:04:05,\nfs,500\nunit,uV\n" + b"\n".join(b"%d" % value for value in ROWS[0]))
    assert (one.rate, one.samples.shape) == (500.0, (1, 300))


def test_times_alone_are_no_tracing() -> None:
    found = read("\n".join(f"{each}," for each in every(2_000_000)).encode())
    assert isinstance(found, Fault)


@cache
def five_megabytes() -> bytes:
    return columns(every(1_000_000, 150_000))


@pytest.mark.parametrize("end", ["", "2024-02-30T00:00:00.000,1,2,3\n", "2020-01-01T00:00:00.000,1,2,3\n", "x\n"])
def test_five_megabytes_of_times_are_read_or_refused_within_a_second(end: str) -> None:
    body = five_megabytes() + end.encode()
    began = time.process_time()
    found = read(body)
    assert isinstance(found, Fault) == bool(end)
    assert time.process_time() - began < 1
