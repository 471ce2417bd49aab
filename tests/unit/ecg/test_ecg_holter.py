"""Holter trend exports."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.ecg import Trends, read, read_trends
from engine.fault import Fault


@pytest.fixture(scope="module")
def trends(shared_data: Path) -> Trends:
    found = read_trends((shared_data / "ecg_formats/holter_mortara/synthetic_holter.xml").read_bytes())
    assert isinstance(found, Trends)
    return found


def test_every_series_is_read_with_its_unit(trends: Trends) -> None:
    assert len(trends.series) == 19
    units = {series.type: series.unit for series in trends.series}
    assert (units["TREND_ST_LEAD_AVR"], units["TREND_HR"], units["TREND_RR"]) == ("uV", "/min", "ms")
    assert {len(series.points) for series in trends.series} == {24}
    assert (trends.patient.id, trends.patient.birth_date, trends.patient.sex) == ("SYN-1", "1965-01-01", "female")


def test_times_are_local_and_a_value_keeps_its_digits(trends: Trends) -> None:
    first, second = trends.series[0].points[:2]
    assert (first.stamp, first.at) == ("20250101080000", datetime(2025, 1, 1, 8))
    assert first.at.tzinfo is None
    assert second.at - first.at == timedelta(minutes=5)
    assert (first.minimum, first.average, first.maximum, first.valid) == (Decimal(-11), Decimal(-9), Decimal(-7), True)


def test_invalid_values_are_nothing_not_zero(trends: Trends) -> None:
    bad = trends.series[0].points[5]  # VALID="FALSE" in the file
    assert (bad.minimum, bad.average, bad.maximum, bad.valid) == (None, None, None, False)
    by_type = {series.type: series for series in trends.series}
    assert all(point.minimum is None for point in by_type["TREND_VPB"].points)  # MIN_VALID="FALSE": the export writes 0
    assert all(point.maximum is None for point in by_type["TREND_STD_DEV_RR"].points)
    assert any(point.average is not None for point in by_type["TREND_VPB"].points)


def test_what_is_no_export_is_refused() -> None:
    for body in (b"<HOLTER_STATISTICS/>", b"<x/>", b"", b"<HOLTER_STATISTICS><TRENDS><TREND/></TRENDS></HOLTER_STATISTICS>"):
        assert isinstance(read_trends(body), Fault)


def test_an_export_is_no_tracing(shared_data: Path) -> None:
    found = read((shared_data / "ecg_formats/holter_mortara/synthetic_holter.xml").read_bytes())
    assert isinstance(found, Fault)
    assert (found.code, found.help) == ("E150", "upload it as trends")
