"""What a mapping writes as HL7 v2: values are escaped once, put together by components, and remembered without being confused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.hl7v2.model import Model
from fhir.convert.codes import from_concept
from fhir.convert.numbers import from_decimal

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def model() -> Model:
    found = Model().of("ORU_R01")
    assert isinstance(found, Model)
    return found


def line(segment: dict[str, Any]) -> str:
    """The PID or OBX a tree with this segment becomes."""
    name = next(iter(segment)).partition("-")[0]
    made = model().render({name: [segment]}, AT, "1")
    assert isinstance(made, bytes)
    return made.decode().split("\r")[1]


def said(text: str) -> Any:
    return model().literal("ST", text)


@pytest.mark.parametrize("text", ["a|b", "a^b", "a~b", "a&b", "a\\b", "a\rPID|9", '""'])
def test_nothing_in_a_value_ends_it(text: str) -> None:
    made = line({"OBX-5": said(text), "OBX-6": said("end")})
    assert made.count("|") == 6
    assert not set("^~&\r") & set(made.split("|")[5])
    assert made.split("|")[5] != '""'
    whole = model().whole(from_concept)({"coding": [{"code": text, "display": text}]})
    assert line({"OBX-3": whole}).split("|")[3].count("^") == 1


def test_components_stand_beside_what_stands_there_already() -> None:
    assert line({"PID-3.1": said("7^7"), "PID-3.4": said("SITE")}) == "PID|1||7\\S\\7^^^SITE"
    assert line({"PID-3": [said("1"), said("2")], "PID-3.5": said("MR")}) == "PID|1||1^^^^MR~2"
    assert line({"PID-3.4": said("SITE"), "PID-3.1": [said("7")]}) == "PID|1||7^^^SITE"


def test_a_whole_value_put_where_a_component_stands_gives_its_first() -> None:
    whole = model().whole(from_concept)({"coding": [{"code": "K", "display": "Potassium"}]})
    assert line({"OBX-3.2": whole}) == "OBX|1||^K"


def test_what_is_remembered_is_told_apart_by_digits_and_by_object() -> None:
    number = model().whole(from_decimal)
    assert [number(Decimal(text)) for text in ("7.1", "7.10", "7.1")] == ["7.1", "7.10", "7.1"]
    concept = model().whole(from_concept)
    one = {"text": "a"}
    assert [concept(one), concept({"text": "b"}), concept(one)] == ["^^^^^^^^a", "^^^^^^^^b", "^^^^^^^^a"]
    for name in range(5000):  # many more than are kept, most of them at places in memory that others had
        assert concept({"text": str(name)}) == f"^^^^^^^^{name}"


def test_nothing_is_written_for_nothing() -> None:
    concept = model().whole(from_concept)
    assert concept({}) is None
    assert concept({"coding": []}) is None
