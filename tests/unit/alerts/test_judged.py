"""What a rule makes of a value is remembered for the same objects, and only for them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine.alerts import Rule, read_rule
from engine.alerts.signals import Watching, judge
from engine.fault import Fault
from fhir.condition import compile_condition

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULE = "alert: k\nif: code has any#2823-3 and value > 6.2 and not status = preliminary\nunit: mmol/L\nclear when: value <= 6.0\n"
CODE = {"coding": [{"code": "2823-3"}]}
HIGH, LOW = ({"value": Decimal(value), "code": "mmol/L"} for value in ("6.8", "5.0"))


def watching() -> Watching:
    rule, wrong = read_rule(RULE, "channels/alerts/x.yaml", compile_condition, {})
    assert isinstance(rule, Rule), wrong
    return Watching([rule])


def body(quantity: Any, status: str = "final") -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "o", "status": status, "code": CODE, "valueQuantity": quantity,
            "subject": {"reference": "Patient/1"}}  # fmt: skip


def test_the_same_objects_are_judged_alike_and_others_anew() -> None:
    known = watching()
    bodies = [body(HIGH), body(LOW), body(HIGH), body(HIGH, "preliminary"), body({**HIGH}), body(LOW)]
    signals, warnings = judge(known, bodies, NOON)
    assert not warnings
    assert [one.reading.holds for one in signals] == [True, False, True, False, True, False]
    assert [one.reading.clears for one in signals] == [False, True, False, False, False, True]


def test_a_value_that_cannot_be_judged_is_said_each_time() -> None:
    known, odd = watching(), {"value": Decimal(5), "code": "mg"}
    for _ in range(2):
        signals, warnings = judge(known, [body(odd)], NOON)
        assert (signals, [fault.code for fault in warnings]) == ([], ["E745"])


def test_a_condition_says_which_elements_it_reads() -> None:
    condition = compile_condition(
        "code has any#1 and (component.value > 3 or not (interpretation has any#HH)) and status in (a, b)"
    )
    assert not isinstance(condition, Fault)
    assert set(condition.reads) == {"code", "component", "interpretation", "status"}
    other = compile_condition("value > 3")
    assert not isinstance(other, Fault)
    assert {"value", "valueQuantity", "valueInteger", "valueString"} <= set(other.reads)


def test_a_change_is_measured_in_the_rules_unit() -> None:
    text = "alert: p\nif: code has any#2823-3 and value < 120\nunit: mm[Hg]\nfalls: 30 within 15m\n"
    rule, wrong = read_rule(text, "channels/alerts/p.yaml", compile_condition, {})
    assert isinstance(rule, Rule), wrong
    given = [
        {"value": Decimal(20), "code": "kPa"},
        {"value": Decimal(110), "code": "mm[Hg]"},
        {"value": Decimal(3), "code": "mg"},
    ]
    signals, warnings = judge(Watching([rule]), [body(each) for each in given], NOON)
    first, second = (one.reading.value for one in signals)
    assert first is not None
    assert round(first, 2) == Decimal("150.01")  # 1 mmHg is 133.322387415 Pa (ISO 80000)
    assert second == 110
    assert [fault.code for fault in warnings] == ["E745"]


def test_a_change_of_what_cannot_be_converted_is_said_even_where_the_condition_does_not_ask_for_the_value() -> None:
    text = "alert: p\nif: code has any#2823-3\nunit: mm[Hg]\nfalls: 30 within 15m\n"
    rule, wrong = read_rule(text, "channels/alerts/p.yaml", compile_condition, {})
    assert isinstance(rule, Rule), wrong
    signals, warnings = judge(Watching([rule]), [body({"value": Decimal(3), "code": "mg"})], NOON)
    assert (signals, [fault.code for fault in warnings]) == ([], ["E745"])


def test_what_is_of_nobody_known_is_about_itself_where_one_reading_is_enough() -> None:
    nobodys = [{key: value for key, value in body(quantity).items() if key != "subject"} for quantity in (HIGH, LOW)]
    signals, _ = judge(watching(), nobodys, NOON)
    assert [(one.subject, one.reading.holds) for one in signals] == [("Observation/o", True)]
    timed, wrong = read_rule(RULE + "no reading for: 15m\n", "channels/alerts/x.yaml", compile_condition, {})
    assert isinstance(timed, Rule), wrong
    assert judge(Watching([timed]), nobodys, NOON) == ([], [])


def test_a_result_that_was_entered_in_error_takes_itself_back_and_is_no_reading() -> None:
    known = watching()
    signals, warnings = judge(known, [body(HIGH), body(HIGH, "entered-in-error"), body(HIGH, "registered")], NOON)
    assert [(one.reading.holds, one.reading.clears, one.reading.void) for one in signals] == [
        (True, False, False),
        (False, False, True),
    ]
    assert not warnings
