"""Trends: what a client may ask, smoothing by series, and how a point is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ecg.trends.ask import Asked, ask
from adapters.ecg.trends.load import load
from adapters.ecg.trends.point import Export, Point, told
from adapters.ecg.trends.smooth import smoothed
from engine.fault import Fault

START = datetime(2023, 4, 13, 21, 19, 1)


def point(minute: int, series: str, average: int | None, valid: bool = True) -> Point:
    value = None if average is None else Decimal(average)
    return Point(START + timedelta(minutes=minute), series, None, value, value, valid)


def test_a_window_is_asked_for_as_the_clients_of_the_old_service_do() -> None:
    assert ask('{"start_time": "2023-04-13T21:19:01", "duration_seconds": 1200}') == Asked(START, 1200.0)
    found = ask(
        '{"start_time": "2023-04-13T21:19:01Z", "duration_seconds": 1.5, "patient": "P", "series": "TREND_HR", "pace": 50, "smooth": 1}'
    )
    assert found == Asked(START, 1.5, "P", None, ("TREND_HR",), 1, 50.0)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"start_time": "2023"}', '{"start_time": 5, "duration_seconds": 1}',
        '{"start_time": "2023-04-13T21:19:01", "duration_seconds": 0}', '{"start_time": "2023-04-13T21:19:01", "duration_seconds": NaN}',
        '{"start_time": "2023-04-13T21:19:01", "duration_seconds": true}', '{"start_time": "2023-04-13T21:19:01", "duration_seconds": 1e99}',
        '{"start_time": "9999-12-31T23:59:59", "duration_seconds": 60}',
        '{"start_time": "2023-04-13T21:19:01", "duration_seconds": 60, "patient": "a\\u0000b"}',
        '{"start_time": "2023-04-13T21:19:01", "duration_seconds": 60, "recording": "7"}',
        '{"start_time": "2023-04-13T21:19:01", "duration_seconds": 60, "series": [1]}',
        '{"start_time": "2023-04-13T21:19:01", "duration_seconds": 60, "smooth": 0}',
        '{"start_time": "2023-04-13T21:19:01", "duration_seconds": 60, "pace": -1}',
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_a_fault(text: str) -> None:
    found = ask(text)
    assert isinstance(found, Fault)
    assert found.code == "E181"


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_request_is_read_or_refused(text: str | bytes) -> None:
    assert isinstance(ask(text), Asked | Fault)


def test_each_series_is_smoothed_by_itself_and_what_is_missing_stays_missing() -> None:
    rows = [point(n, series, value) for n, pair in enumerate([(1, 100), (2, 200), (None, 300), (6, 400)])
            for series, value in zip(("A", "B"), pair, strict=True)]  # fmt: skip
    found = smoothed(rows, 3)
    assert [one.average for one in found if one.series == "A"] == [Decimal("1.50"), Decimal("1.50"), None, Decimal("6.00")]
    assert [one.average for one in found if one.series == "B"] == [Decimal(150), Decimal(200), Decimal(300), Decimal(350)]
    assert all(one.minimum is None for one in found)
    assert smoothed(rows, 1) == rows


def test_a_point_says_why_a_value_is_not_there_and_invents_no_zone() -> None:
    row = told(point(0, "TREND_HR", 70), iso=True)
    assert (row["trend_type"], row["date_time_hl7"], row["date_time_iso"]) == (
        "TREND_HR",
        "20230413211901",
        "2023-04-13T21:19:01",
    )
    assert (row["min_value"], row["data_absent_reason"]) == (None, {"min_value": "not-applicable"})
    assert set(told(point(0, "TREND_HR", None, False))["data_absent_reason"].values()) == {"error"}
    assert told(point(0, "A", 1), ZoneInfo("Europe/Berlin"), iso=True)["date_time_iso"] == "2023-04-13T21:19:01+02:00"
    assert told(point(0, "A", 1), ZoneInfo("UTC"), iso=True)["date_time_iso"] == "2023-04-13T21:19:01Z"


TREND = (
    '<HOLTER_STATISTICS DATE_RECORDED="{start}" SCAN_NUMBER="1"><PATIENT ID="{id}"/>{space}<TRENDS><TREND TREND_TYPE="TREND_HR" UNITS="BPM">'
    '<TREND_VALUE DATE_TIME_HL7="20230413211901" MIN_VALUE="1" AVG_VALUE="70" MAX_VALUE="3" VALID="TRUE"/></TREND></TRENDS></HOLTER_STATISTICS>'
)


def loaded(start: str = "20230413200000", id: str = "P", space: str = "") -> Export:
    found = load(TREND.format(start=start, id=id, space=space).encode())
    assert isinstance(found, Export)
    return found


def test_a_recording_is_known_again_in_another_export_and_never_taken_for_another_patients() -> None:
    assert loaded().id == loaded(space="\n\n").id
    assert loaded().id != loaded(id="Q").id
    assert loaded(id="").id != loaded(id="", space=" ").id  # who it is of is not known: only the bytes tell
    assert isinstance(load(b"<x/>"), Fault)
