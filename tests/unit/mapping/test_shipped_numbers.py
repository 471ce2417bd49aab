"""Numbers as senders write them: with and without a unit, as ranges and ratios, several at once (the guide's OBX[Observation])."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from fhir.encode import dumps
from tests.unit.mapping.test_shipped_results import OBR, PID, message, resources

UCUM = {"system": "http://unitsofmeasure.org", "code": "mg/dL", "unit": "mg/dL"}


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def values(library: Library, *obx: str) -> list[dict[str, Any]]:
    """The value elements of the Observations of some OBX, numbers as they are written."""
    found = resources(library, message(PID, OBR, *obx), "Observation")
    told = [{name: made for name, made in one.items() if name.startswith(("value", "component"))} for one in found]
    return json.loads(dumps(told), parse_float=str, parse_int=str)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("type", "sent", "made"),
    [
        ("NM", "1.20", {"valueQuantity": {"value": "1.20"}}),
        ("NM", "<5", {"valueQuantity": {"value": "5", "comparator": "<"}}),
        ("SN", ">^100", {"valueQuantity": {"value": "100", "comparator": ">"}}),
        ("SN", "^7", {"valueQuantity": {"value": "7"}}),
        ("SN", "=^7", {"valueQuantity": {"value": "7"}}),
        ("SN", "^1^:^128", {"valueRatio": {"numerator": {"value": "1"}, "denominator": {"value": "128"}}}),
        ("SN", "<^1^/^8", {"valueRatio": {"numerator": {"value": "1", "comparator": "<"}, "denominator": {"value": "8"}}}),
        ("SN", "^3^-^5", {"valueRange": {"low": {"value": "3"}, "high": {"value": "5"}}}),
        ("NR", "3^5", {"valueRange": {"low": {"value": "3"}, "high": {"value": "5"}}}),
        ("SN", "^2^+", {"valueString": "2 +"}),
    ],
)
@pytest.mark.parametrize("beside", ["", "OBX|2|NM|2^B^L||1|mmol/L|||||F"])
def test_a_number_needs_no_unit(library: Library, type: str, sent: str, made: dict[str, Any], beside: str) -> None:
    assert values(library, f"OBX|1|{type}|1^A^L||{sent}||||||F", *filter(None, [beside]))[0] == made


def test_a_range_of_numbers_keeps_its_unit(library: Library) -> None:
    (made,) = values(library, "OBX|1|NR|1^A^L||3^5|mg/dL|||||F")
    assert made == {"valueRange": {"low": {"value": "3", **UCUM}, "high": {"value": "5", **UCUM}}}


@pytest.mark.parametrize(
    ("type", "sent", "components"),
    [
        ("NM", "1~2", [{"valueQuantity": {"value": "1", **UCUM}}, {"valueQuantity": {"value": "2", **UCUM}}]),
        (
            "SN",
            "<^1~^2",
            [{"valueQuantity": {"value": "1", "comparator": "<", **UCUM}}, {"valueQuantity": {"value": "2", **UCUM}}],
        ),
    ],
)
def test_several_numbers_are_components_and_nothing_else(
    library: Library, type: str, sent: str, components: list[dict[str, Any]]
) -> None:
    (made,) = values(library, f"OBX|1|{type}|1^A^L||{sent}|mg/dL|||||F")
    code = {"code": {"coding": [{"system": "urn:id:L", "code": "1", "display": "A"}]}}
    assert made == {"component": [{**code, **one} for one in components]}


@pytest.mark.parametrize(
    ("type", "sent", "expected"),
    [
        ("SN", "^1^:^8~^1^:^16", [("valueRatio", "denominator", "8"), ("valueRatio", "denominator", "16")]),
        ("SN", "^1^-^8~^1^-^16", [("valueRange", "high", "8"), ("valueRange", "high", "16")]),
        ("NR", "1^8~1^16", [("valueRange", "high", "8"), ("valueRange", "high", "16")]),
    ],
)
@pytest.mark.parametrize("unit", ["", "mg/dL"])
def test_several_ratios_or_ranges_are_components(
    library: Library, type: str, sent: str, expected: list[tuple[str, str, str]], unit: str
) -> None:
    (made,) = values(library, f"OBX|1|{type}|1^A^L||{sent}|{unit}|||||F")
    assert [
        (name, part, one[name][part]["value"]) for one, (name, part, _) in zip(made["component"], expected, strict=True)
    ] == expected


def test_several_spans_of_time_are_components(library: Library) -> None:
    (made,) = values(library, "OBX|1|DR|1^A^L||20200101^20200102~20200103^20200104||||||F")
    assert [one["valuePeriod"] for one in made["component"]] == [
        {"start": "2020-01-01", "end": "2020-01-02"},
        {"start": "2020-01-03", "end": "2020-01-04"},
    ]


@pytest.mark.parametrize(
    ("sent", "unit", "code"),
    [
        ("10^3/uL", "10^3/uL", "10*3/uL"),
        ("10^9/L", "10^9/L", "10*9/L"),
        ("x10^6/UL", "x10^6/UL", "10*6/uL"),
        ("10^3/XY", "10^3/XY", None),
    ],
)
def test_a_power_of_ten_that_was_not_escaped_is_one_unit(library: Library, sent: str, unit: str, code: str | None) -> None:
    (made,) = values(library, f"OBX|1|NM|1^A^L||4.5|{sent}|||||F")
    coded = {"system": "http://unitsofmeasure.org", "code": code} if code else {}
    assert made == {"valueQuantity": {"value": "4.5", "unit": unit, **coded}}


def test_the_bounds_of_a_reference_range_have_the_unit_of_the_value(library: Library) -> None:
    (made,) = resources(library, message(PID, OBR, "OBX|1|NM|1^A^L||4.5|mg/dL|4-6||||F"), "Observation")
    (bounds,) = made["referenceRange"]
    assert (bounds["low"]["unit"], bounds["high"]["unit"], bounds["text"]) == ("mg/dL", "mg/dL", "4-6")


@pytest.mark.parametrize("time", ["20170229", "yesterday"])
def test_a_result_whose_time_nobody_can_read_is_kept_without_one(library: Library, time: str) -> None:
    (made,) = resources(library, message(PID, OBR, f"OBX|1|NM|1^A^L||4.5|mg/dL|||||F|||{time}"), "Observation")
    assert "effectiveDateTime" not in made
