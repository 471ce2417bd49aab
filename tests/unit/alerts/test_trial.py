"""What a rule would have raised: the same life as in earnest, time passing as it did then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.alerts import read_rule, trial
from engine.alerts.rule import Rule
from fhir.condition import compile_condition

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
POTASSIUM = """
alert: high_potassium
if: code has any#2823-3 and value > 6.2
unit: mmol/L
clear when: value <= 6.0
severity: critical
"""


def rule(text: str = POTASSIUM) -> Rule:
    found, wrong = read_rule(text, "x.yaml", compile_condition, {})
    assert found is not None, wrong
    return found


def reading(minute: float, value: str, patient: str = "p1", unit: str = "mmol/L") -> tuple[dict[str, Any], datetime]:
    at = NOON + timedelta(minutes=minute)
    body = {
        "resourceType": "Observation", "id": f"{patient}-{minute}", "status": "final", "code": {"coding": [{"code": "2823-3"}]},
        "valueQuantity": {"value": Decimal(value), "code": unit}, "effectiveDateTime": at.isoformat(),
        "subject": {"reference": f"Patient/{patient}"},
    }  # fmt: skip
    return body, at


def played(
    of: Rule, *readings: tuple[dict[str, Any], datetime], until: float = 60, births: dict[str, str] | None = None
) -> trial.Trial:
    result = trial.Trial()
    given = trial.signals(of, readings, result)
    return trial.run(of, given, births or {}, NOON + timedelta(minutes=until), result)


def turns(result: trial.Trial) -> list[tuple[str, float]]:
    return [(each.turn, (each.at - NOON).total_seconds() / 60) for each in result.happened]


def test_readings_are_played_in_the_order_they_were_taken_whatever_the_order_they_are_stored_in() -> None:
    result = played(rule(), reading(2, "5.0"), reading(0, "6.8"), reading(1, "6.9"))
    assert turns(result) == [("raised", 0), ("resolved", 2)]
    assert (result.readings, result.subjects, result.folded) == (3, 1, 1)
    assert result.happened[0].evidence == "Observation/p1-0"


def test_each_subject_has_a_life_of_its_own_and_all_is_told_by_time() -> None:
    result = played(rule(), reading(3, "7.0", "a"), reading(1, "7.0", "b"))
    assert [(each.turn, each.subject) for each in result.happened] == [("raised", "Patient/b"), ("raised", "Patient/a")]


def test_an_escalation_nobody_stops_is_shown_step_by_step() -> None:
    of = rule(POTASSIUM + "escalate: after 10m to nurse, after 30m to physician\n")
    assert turns(played(of, reading(0, "7.0"))) == [("raised", 0), ("escalated", 10), ("escalated", 30)]
    assert turns(played(of, reading(0, "7.0"), reading(20, "5.0"))) == [("raised", 0), ("escalated", 10), ("resolved", 20)]
    assert turns(played(of, reading(0, "7.0"), until=10)) == [("raised", 0)]


def test_missing_readings_are_raised_when_they_were_due() -> None:
    of = rule(POTASSIUM + "no reading for: 15m\n")
    assert turns(played(of, reading(0, "5.0"), reading(40, "5.0"), until=50)) == [("raised", 15), ("resolved", 40)]


def test_readings_of_other_patients_groups_and_those_that_cannot_be_judged_are_counted() -> None:
    of = rule(POTASSIUM + "patients: age >= 18 years\n")
    given = (reading(0, "7.0", "child"), reading(0, "7.0", "adult"), reading(1, "7.0", "adult", "mg"))
    result = played(of, *given, births={"Patient/adult": "1980-01-01", "Patient/child": "2024-01-01"})
    assert [each.subject for each in result.happened] == ["Patient/adult"]
    assert result.unfit == 1
    assert result.warnings == {"E745": 1}
