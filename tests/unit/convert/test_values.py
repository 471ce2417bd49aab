"""Numbers, texts, documents, waveforms. Expected values: guide maps NM, SN, NR, ED, RP, NA; HL7 v2.9.1 section 2.7 for texts."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest

from engine.fault import Fault
from fhir.convert import converter, pairs
from fhir.convert.attachments import ed, rp
from fhir.convert.numbers import (
    comparator,
    cq,
    decimal,
    mo,
    nm_quantity,
    nr,
    positive,
    quantity_value,
    sn_quantity,
    sn_range,
    sn_ratio,
    sn_text,
)
from fhir.convert.texts import text, vr
from fhir.convert.waves import ma, na

from .fields import rep


@pytest.mark.parametrize("sent", ["7.10", "0.40", "100", "-3", "1.20E3", "0.000001"])
def test_a_number_keeps_its_digits(sent: str) -> None:
    found = decimal(sent)
    assert found == Decimal(sent)
    assert isinstance(found, Decimal) and found.as_tuple() == Decimal(sent).as_tuple()


@pytest.mark.parametrize("sent", ["NaN", "Infinity", "1,5", "12 mg", "1e999", "", "1_000", "٣", "--1", "0x10", "."])
def test_what_is_no_number_is_never_one(sent: str) -> None:
    found = decimal(sent)
    assert found is None if not sent else isinstance(found, Fault) and found.code == "E450"


def test_a_comparator_before_a_number_is_read() -> None:
    assert nm_quantity("<0.01") == {"value": Decimal("0.01"), "comparator": "<"}
    assert nm_quantity(">= 60") == {"value": Decimal(60), "comparator": ">="}


def test_a_structured_number_is_a_quantity_range_or_ratio() -> None:
    assert sn_quantity(rep(">^100")) == {"value": Decimal(100), "comparator": ">"}
    assert sn_quantity(rep("=^28")) == {"value": Decimal(28)}
    assert sn_quantity(rep("^28")) == {"value": Decimal(28)}
    assert sn_range(rep("^100^-^200")) == {"low": {"value": Decimal(100)}, "high": {"value": Decimal(200)}}
    assert sn_ratio(rep("<^1^:^128")) == {
        "numerator": {"value": Decimal(1), "comparator": "<"},
        "denominator": {"value": Decimal(128)},
    }
    assert sn_text(rep("<>^5")) == "<> 5"
    assert sn_text(rep("^2^+")) == "2 +"


def test_a_comparator_fhir_does_not_know_is_a_fault() -> None:
    found = sn_quantity(rep("<>^5"))
    assert isinstance(found, Fault) and found.code == "E453"


def test_the_parts_of_a_quantity_can_be_asked_for_alone() -> None:
    assert quantity_value(rep(">^7.10")) == Decimal("7.10")
    assert comparator(rep(">=^7.10")) == ">="
    assert comparator(rep("=^7.10")) is None


def test_a_numeric_range_may_be_open() -> None:
    assert nr(rep("3.5^")) == {"low": {"value": Decimal("3.5")}}


def test_a_quantity_with_its_unit_and_money() -> None:
    assert cq(rep("10^mL&milliliter&UCUM")) == {
        "value": Decimal(10),
        "unit": "milliliter",
        "system": "http://unitsofmeasure.org",
        "code": "mL",
    }
    assert mo(rep("99.50^USD")) == {"value": Decimal("99.50"), "currency": "USD"}


def test_a_positive_number_is_positive() -> None:
    assert positive("2") == 2
    for bad in ("0", "-1", "1.5"):
        found = positive(bad)
        assert isinstance(found, Fault) and found.code == "E450"


def test_formatting_commands_become_lines_and_blanks() -> None:
    assert text(r"first\.br\second\.sp2\third \H\loud\N\ end") == "first\nsecond\n\nthird loud end"
    assert text(r"a\.in+4\b") == "a b"
    assert text("  ") is None


def test_a_caret_in_a_text_is_a_caret() -> None:
    assert text(rep("4^5")) == "4^5"


def test_a_value_range_is_text() -> None:
    assert vr(rep("1^5")) == "1-5"


PDF = base64.b64encode(b"%PDF-1.4 made up").decode()


@pytest.mark.parametrize(
    ("kind", "subtype", "type"),
    [
        ("application", "pdf", "application/pdf"),
        ("TEXT", "PDF", "application/pdf"),
        ("", "PDF", "application/pdf"),
        ("AP", "", "application/pdf"),
    ],
)
def test_a_document_is_what_its_first_bytes_say(kind: str, subtype: str, type: str) -> None:
    assert ed(rep(f"LAB^{kind}^{subtype}^Base64^{PDF}")) == {"contentType": type, "data": PDF}


def test_a_document_in_hex_or_plain_is_carried_in_base64() -> None:
    assert ed(rep("^TEXT^PLAIN^Hex^4869")) == {"contentType": "text/plain", "data": base64.b64encode(b"Hi").decode()}
    assert ed(rep("^TEXT^^A^Hi")) == {"contentType": "text/plain", "data": base64.b64encode(b"Hi").decode()}


@pytest.mark.parametrize("field", ["^AP^PDF^Base64^not base64!", "^AP^PDF^Hex^zz", "^AP^PDF^Morse^.-"])
def test_a_document_that_cannot_be_read_is_a_fault(field: str) -> None:
    found = ed(rep(field))
    assert isinstance(found, Fault) and found.code == "E452"


def test_a_pointer_is_kept_and_not_followed() -> None:
    assert rp(rep("https://images.example/1^PACS^image^jpeg")) == {"contentType": "image/jpeg", "url": "https://images.example/1"}


def test_an_array_is_sampled_data_of_unknown_period() -> None:
    found = na(rep("1^2^-3.50"))
    assert isinstance(found, dict)
    assert (found["data"], found["dimensions"], found["origin"]) == ("1 2 -3.50", 1, {"value": Decimal(0)})
    assert found["_period"]["extension"][0]["valueCode"] == "unknown"


def test_a_multiplexed_array_has_a_channel_a_component() -> None:
    found = ma([rep("1^2"), rep("3^")])
    assert isinstance(found, dict) and (found["data"], found["dimensions"]) == ("1 2 3 E", 2)


def test_an_array_of_words_is_a_fault() -> None:
    found = na(rep("1^two"))
    assert isinstance(found, Fault) and found.code == "E450"


def test_every_pair_can_be_looked_up_and_an_unknown_one_is_none() -> None:
    for one in pairs():
        assert converter(one.source, one.target) is one
    assert converter("CWE", "Reference") is None
