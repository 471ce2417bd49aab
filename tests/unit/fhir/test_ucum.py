"""Units convert as UCUM defines them. Expected values: SI definitions and the tables of the UCUM specification."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.ucum import canonical, convert, parse


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        ("98.6", "[degF]", "Cel", "37"),  # 37 °C by definition of the Fahrenheit scale
        ("37.0", "Cel", "K", "310.15"),
        ("5.5", "mmol/L", "umol/L", "5500"),
        ("1", "g/dL", "g/L", "10"),
        ("120", "mm[Hg]", "kPa", "15.99864"),  # 1 m[Hg] = 133.3220 kPa (UCUM table 12)
        ("70", "/min", "Hz", "1.166666666666666666666666667"),
        ("1", "h", "min", "60"),
        ("150", "[lb_av]", "kg", "68.0388555"),  # 1 lb = 0.45359237 kg (international pound, 1959)
        ("70", "[in_i]", "cm", "177.8"),
        ("7.1", "10*3/uL", "10*9/L", "7.1"),
        ("250", "10*9/L", "10^3/uL", "250"),
        ("1", "kcal", "kJ", "4.184"),
        ("40", "U/L", "ukat/L", "0.6666666666666666666666666667"),  # 1 U = 1 umol/min
        ("2", "mg/kg/h", "mg/kg/d", "48"),
        ("2", "mL/min/{1.73_m2}", "mL/min", "2"),
        ("95", "%", "1", "0.95"),
        ("1", "L", "l", "1"),
        ("1", "dm3", "mL", "1000"),
    ],
)
def test_values_convert_between_units_of_one_dimension(value: str, source: str, target: str, expected: str) -> None:
    assert convert(Decimal(value), source, target) == Decimal(expected)


@pytest.mark.parametrize(
    ("source", "target"),
    [("mg/dL", "mmol/L"), ("Cel", "mm[Hg]"), ("/min", "mm"), ("mol/L", "/L"), ("[IU]/L", "U/L"), ("mg", "mL"), ("bpm", "/min")],
)
def test_another_dimension_is_refused(source: str, target: str) -> None:
    assert convert(Decimal(1), source, target) is None


@pytest.mark.parametrize(
    "code", ["", "bogus", "mg/", "mg//dL", "(mg", "mg)", "Cel2", "Cel/min", "m99", "é", "g" * 200, "k%", "mmHg", "BPM"]
)
def test_what_is_no_ucum_unit_is_refused(code: str) -> None:
    assert parse(code) is None


def test_equal_quantities_have_equal_canonical_forms() -> None:
    assert canonical(Decimal("7.10"), "mmol/L") == canonical(Decimal("7100"), "umol/L")
    assert canonical(Decimal("7.10"), "mmol/L") == (Decimal("7.1"), "m-3.mol")


def test_an_infinite_or_huge_value_is_refused_at_once() -> None:
    assert canonical(Decimal("1e999999"), "mg") is None
    assert canonical(Decimal("NaN"), "mg") is None


@given(st.text(max_size=60))
def test_no_text_makes_the_reader_fail(code: str) -> None:
    parse(code)


@given(st.text(alphabet="mgLdk/.(){}10*^-2[]%l", max_size=40))
def test_no_text_of_unit_letters_makes_the_reader_fail(code: str) -> None:
    parse(code)
