"""Dates and times. Expected values: HL7 v2.9.1 2A.3.21 and FHIR R4 datatypes (dateTime, instant, date, time)."""

from __future__ import annotations

import pytest

from engine.fault import Fault
from fhir.convert.registry import Converters
from fhir.convert.times import date, date_time, from_date_time, instant, period, time

from .fields import er7, rep


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2023", "2023"),
        ("202308", "2023-08"),
        ("20230815", "2023-08-15"),
        ("202308150304", "2023-08-15T03:04:00Z"),
        ("20230815030405", "2023-08-15T03:04:05Z"),
        ("20230815030405.6789", "2023-08-15T03:04:05.6789Z"),
        ("20230815030405.60-0500", "2023-08-15T03:04:05.60-05:00"),
        ("20240229", "2024-02-29"),
        ("2025-01-15T14:00:00", "2025-01-15T14:00:00Z"),
        ("2025-01-15 14:00-05:00", "2025-01-15T14:00:00-05:00"),
    ],
)
def test_a_time_keeps_its_precision(sent: str, read: str) -> None:
    assert date_time(sent) == read


@pytest.mark.parametrize("text", ["2023081", "20231301", "20230230", "20230229", "202308152504", "yesterday", "20230815+9900"])
def test_what_is_no_time_is_a_fault_without_the_value(text: str) -> None:
    found = date_time(text)
    assert isinstance(found, Fault) and found.code == "E451"
    assert text not in found.text + found.help


@pytest.mark.parametrize("text", ["0000", "00000000", "00000000000000", ""])
def test_zeros_for_an_unknown_time_say_nothing(text: str) -> None:
    assert date_time(text) is None


def test_a_time_without_an_offset_has_the_messages_own() -> None:
    assert date_time("20230815030405", "20230815040000-0400") == "2023-08-15T03:04:05-04:00"


def test_a_named_zone_knows_summer_time() -> None:
    assert date_time("202308151200", "Europe/Berlin") == "2023-08-15T12:00:00+02:00"
    assert date_time("202301151200", "Europe/Berlin") == "2023-01-15T12:00:00+01:00"


def test_a_field_that_knows_its_messages_zone_is_read_in_it() -> None:
    class Zoned:
        zone = "-0700"

        def __getitem__(self, comp: int) -> str:
            return "202308151200" if comp == 1 else ""

    convert = Converters().converter("DTM", "dateTime")
    assert convert is not None and convert(Zoned()) == "2023-08-15T12:00:00-07:00"


def test_a_day_alone_is_no_instant() -> None:
    assert instant("20230815", "2023-08-15") is None
    assert instant("202308150304") == "2023-08-15T03:04:00Z"


def test_a_birth_date_is_the_day_as_written_whatever_the_offset() -> None:
    assert date("19701031233000-0800") == "1970-10-31"


@pytest.mark.parametrize(("sent", "read"), [("0304", "03:04:00"), ("030405", "03:04:05"), ("030405.5+0100", "03:04:05.5")])
def test_a_time_of_day(sent: str, read: str) -> None:
    assert time(sent) == read


@pytest.mark.parametrize("text", ["9", "2460", "noon"])
def test_what_is_no_time_of_day_is_a_fault(text: str) -> None:
    found = time(text)
    assert isinstance(found, Fault) and found.code == "E451"


def test_a_range_may_have_one_end() -> None:
    assert period(rep("20230101^20230131")) == {"start": "2023-01-01", "end": "2023-01-31"}
    assert period(rep("^20230131")) == {"end": "2023-01-31"}
    assert period(rep("^")) is None


@pytest.mark.parametrize("sent", ["2023", "202308", "20230815", "20230815030405.6789-0500", "20230815030405+0000"])
def test_a_time_goes_back_as_it_came(sent: str) -> None:
    found = date_time(sent)
    assert isinstance(found, str)
    back = from_date_time(found)
    assert not isinstance(back, Fault) and er7(back) == sent
