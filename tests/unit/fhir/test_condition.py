"""Conditions over resources judge what they can and say what they cannot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fault import Fault
from fhir.condition import Condition, compile_condition

LOINC = "http://loinc.org"


def observation(value: str = "6.8", unit: str = "mmol/L", code: str = "2823-3", **more: Any) -> dict[str, Any]:
    quantity = {"value": Decimal(value), "code": unit, "system": "http://unitsofmeasure.org"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "valueQuantity": quantity,
        **more,
    }


def holds(text: str, resource: dict[str, Any], unit: str = "") -> bool | Fault:
    condition = compile_condition(text, unit)
    assert isinstance(condition, Condition), condition
    return condition.holds(resource)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code has http://loinc.org#2823-3", True),
        ("code has #2823-3", True),
        ("code has any#2823-3", True),
        ("code has http://snomed.info/sct#2823-3", False),
        ("value > 6.2", True),
        ("value > 6.8", False),
        ("value >= 6.8", True),
        ("value < 2.8 or value > 6.2", True),
        ("code has #2823-3 and (value < 2.8 or value > 6.2)", True),
        ("code has #1 or code has #2823-3 and value > 6.2", True),
        ("not value > 6.2", False),
        ("status in (final, amended)", True),
        ("status = final and valueQuantity.value > 6", True),
        ("status != final", False),
        ("interpretation valued", False),
        ("interpretation empty", True),
    ],
)
def test_a_condition_judges_a_resource(text: str, expected: bool) -> None:
    assert holds(text, observation(), "mmol/L") is expected


def test_units_are_converted_before_they_are_compared() -> None:
    assert holds("value > 6.2", observation("6800", "umol/L"), "mmol/L") is True
    assert holds("value > 38.0", observation("102.2", "[degF]"), "Cel") is True
    assert holds("value > 39.0", observation("102.2", "[degF]"), "Cel") is False


@pytest.mark.parametrize("unit", ["mg/dL", "", "banana"])
def test_another_dimension_or_no_unit_is_refused_never_compared(unit: str) -> None:
    fault = holds("value > 6.2", observation("6.8", unit), "mmol/L")
    assert isinstance(fault, Fault)
    assert fault.code == "E745"


def test_a_quantity_with_a_comparator_is_not_compared() -> None:
    resource = observation()
    resource["valueQuantity"]["comparator"] = "<"
    fault = holds("value > 6.2", resource, "mmol/L")
    assert isinstance(fault, Fault)
    assert fault.code == "E744"


def test_a_comparison_short_cut_does_not_hide_that_a_value_cannot_be_judged() -> None:
    assert isinstance(holds("value > 6.2 or status = final", observation("6.8", "mg/dL"), "mmol/L"), Fault)


def test_a_clause_about_another_code_keeps_foreign_units_out() -> None:
    assert holds("code has #2823-3 and value > 6.2", observation("120", "/min", "8867-4"), "mmol/L") is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "value",
        "value >",
        "value > six",
        "and",
        "(value > 1",
        "value > 1)",
        "value has x",
        "value in 1",
        "a ! b",
        "value > 1 2",
    ],
)
def test_what_is_no_condition_is_refused_with_a_code(text: str) -> None:
    fault = compile_condition(text)
    assert isinstance(fault, Fault)
    assert fault.code == "E742"


def test_a_rule_with_a_unit_that_is_none_is_refused() -> None:
    fault = compile_condition("value > 1", "bpm")
    assert isinstance(fault, Fault)
    assert fault.code == "E743"


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    compiled = compile_condition(text)
    if isinstance(compiled, Condition):
        compiled.holds(observation())


@given(st.lists(st.sampled_from("value code status has in ( ) , and or not valued < > = 6.2 #x final".split()), max_size=12))
def test_no_sequence_of_words_makes_the_reader_fail(words: list[str]) -> None:
    compiled = compile_condition(" ".join(words))
    if isinstance(compiled, Condition):
        compiled.holds(observation())


@pytest.mark.parametrize(
    ("text", "concerned"),
    [
        ("code has #2823-3 and value > 9", True),
        ("code has #8867-4 and value > 9", False),
        ("(code has #8867-4 or code has #2823-3) and value > 9", True),
        ("code has #8867-4 or value > 1", True),
        ("code has #8867-4 or code has #1", False),
        ("value > 9", True),
    ],
)
def test_a_condition_knows_which_readings_it_is_about(text: str, concerned: bool) -> None:
    condition = compile_condition(text, "mmol/L")
    assert isinstance(condition, Condition)
    assert condition.concerns(observation()) is concerned
