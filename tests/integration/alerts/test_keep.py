"""Alerts on a real database: raised once, folded, escalated, acknowledged, resolved, silenced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.alerts import Rule, Signal, acknowledged, apply, elapse, read_rule
from engine.alerts.signals import Watching, judge
from fhir.alert import detected_issue
from fhir.condition import compile_condition

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = """
alert: high_potassium
title: Potassium is high
if: code has any#2823-3 and value > 6.2
unit: mmol/L
clear when: value <= 6.0
severity: critical
notify: [ward]
escalate: after 10m to charge_nurse, after 30m to physician
"""


def rule(text: str = RULE) -> Rule:
    found, wrong = read_rule(text, "channels/alerts/x.yaml", compile_condition, {})
    assert found is not None, wrong
    return found


def signals(of: Rule, *readings: tuple[float, str], patient: str = "p1") -> list[Signal]:
    bodies = []
    for minute, value in readings:
        code = {"coding": [{"code": "2823-3"}]}
        quantity = {"value": Decimal(value), "code": "mmol/L"}
        at = (NOON + minute * MINUTE).isoformat()
        bodies.append({"resourceType": "Observation", "id": f"o{minute}", "status": "final", "code": code, "valueQuantity": quantity,
                       "effectiveDateTime": at, "subject": {"reference": f"Patient/{patient}"}})  # fmt: skip
    found, warnings = judge(Watching([of]), bodies, NOON)
    assert not warnings
    return found


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as open_:
        yield open_


def alerts(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute("select state, repeats, level, acknowledged_by from alerts.alert order by raised_at").fetchall()


def test_a_batch_of_readings_raises_one_alert_and_folds_the_others(connection: psycopg.Connection[Any]) -> None:
    effects = apply(connection, signals(rule(), (0, "6.8"), (1, "6.9"), (2, "7.0")), NOON, {})
    assert alerts(connection) == [("raised", 2, 0, None)]
    assert [event.body["turn"] for event in effects.events] == ["raised"]
    assert [parcel.destination for parcel in effects.parcels] == ["alerts.ward"]


def test_the_life_goes_on_in_a_later_batch(connection: psycopg.Connection[Any]) -> None:
    apply(connection, signals(rule(), (0, "6.8")), NOON, {})
    assert apply(connection, signals(rule(), (1, "6.1")), NOON, {}).events == []
    effects = apply(connection, signals(rule(), (2, "5.9")), NOON, {})
    assert [event.body["turn"] for event in effects.events] == ["resolved"]
    assert alerts(connection)[0][0] == "resolved"
    apply(connection, signals(rule(), (3, "6.9")), NOON, {})
    assert [row[0] for row in alerts(connection)] == ["resolved", "raised"]


def test_a_result_that_is_corrected_back_raises_an_alert_of_its_own_though_it_is_of_the_same_time(
    connection: psycopg.Connection[Any],
) -> None:
    of, numbers = rule(), []
    for value in ("6.8", "5.0", "6.9", "5.1", "7.0"):
        effects = apply(connection, signals(of, (0, value)), NOON, {})
        numbers += [parcel.idem for parcel in effects.parcels]
    assert sorted(row[0] for row in alerts(connection)) == ["raised", "resolved", "resolved"]
    assert len(set(numbers)) == 5
    row = connection.execute("select id from alerts.alert where resolved_at is null").fetchone()
    assert row is not None
    assert acknowledged(connection, {of.name: of}, row[0], "Dr. Osler", NOON) is not None


def test_an_alert_whose_rule_is_not_deployed_any_more_can_be_taken_on(connection: psycopg.Connection[Any]) -> None:
    apply(connection, signals(rule(), (0, "6.8")), NOON, {})
    row = connection.execute("select id from alerts.alert").fetchone()
    assert row is not None
    effects = acknowledged(connection, {}, row[0], "Dr. Osler", NOON)
    assert effects is not None
    assert [event.body["acknowledged_by"] for event in effects.events] == ["Dr. Osler"]
    assert alerts(connection) == [("acknowledged", 0, 0, "Dr. Osler")]


def test_two_patients_have_two_alerts(connection: psycopg.Connection[Any]) -> None:
    apply(connection, [*signals(rule(), (0, "6.8")), *signals(rule(), (0, "6.8"), patient="p2")], NOON, {})
    assert len(alerts(connection)) == 2


def test_an_alert_is_escalated_until_somebody_acknowledges_it(connection: psycopg.Connection[Any]) -> None:
    of = rule()
    apply(connection, signals(of, (0, "6.8")), NOON, {})
    rules = {of.name: of}
    assert elapse(connection, rules, NOON + 9 * MINUTE).parcels == []
    assert [parcel.destination for parcel in elapse(connection, rules, NOON + 10 * MINUTE).parcels] == ["alerts.charge_nurse"]
    id = connection.execute("select id from alerts.alert").fetchone()
    assert id is not None
    assert acknowledged(connection, rules, id[0], "Dr. Osler", NOON + 12 * MINUTE) is not None
    assert elapse(connection, rules, NOON + 60 * MINUTE).parcels == []
    assert alerts(connection) == [("acknowledged", 0, 1, "Dr. Osler")]
    assert acknowledged(connection, rules, id[0], "again", NOON) is None


def test_whoever_was_called_hears_that_it_was_taken_on_and_that_it_is_over(connection: psycopg.Connection[Any]) -> None:
    of = rule()
    rules = {of.name: of}
    apply(connection, signals(of, (0, "6.8")), NOON, {})
    elapse(connection, rules, NOON + 10 * MINUTE)
    row = connection.execute("select id from alerts.alert").fetchone()
    assert row is not None
    taken = acknowledged(connection, rules, row[0], "Dr. Osler", NOON + 12 * MINUTE)
    assert taken is not None
    over = apply(connection, signals(of, (20, "5.0")), NOON + 20 * MINUTE, {})
    for effects in (taken, over):
        assert [parcel.destination for parcel in effects.parcels] == ["alerts.ward", "alerts.charge_nurse"]


def test_missing_readings_raise_an_alert_and_the_next_reading_resolves_it(connection: psycopg.Connection[Any]) -> None:
    of = rule("alert: silent\nif: code has any#2823-3 and value > 99\nunit: mmol/L\nno reading for: 15m\n")
    apply(connection, signals(of, (0, "4.1")), NOON, {})
    assert elapse(connection, {of.name: of}, NOON + 14 * MINUTE).events == []
    assert [event.body["turn"] for event in elapse(connection, {of.name: of}, NOON + 15 * MINUTE).events] == ["raised"]
    effects = apply(connection, signals(of, (20, "4.2")), NOON + 20 * MINUTE, {})
    assert [event.body["turn"] for event in effects.events] == ["resolved"]


def test_maintenance_holds_notices_back_and_never_the_alert(connection: psycopg.Connection[Any]) -> None:
    connection.execute("insert into alerts.quiet (rule, subject, since, until, reason) values ('', 'Patient/p1', %s, %s, 'pump swap')",
                       [NOON - MINUTE, NOON + MINUTE])  # fmt: skip
    effects = apply(connection, signals(rule(), (0, "6.8")), NOON, {})
    assert effects.parcels == []
    assert alerts(connection)[0][0] == "raised"


def test_a_rule_for_adults_leaves_children_and_unknown_ages_alone(connection: psycopg.Connection[Any]) -> None:
    of = rule(RULE + "patients: age >= 18 years\n")
    readings = signals(of, (0, "6.8"))
    assert apply(connection, readings, NOON, {"Patient/p1": "2020-05-01"}).events == []
    assert apply(connection, readings, NOON, {}).events == []
    assert len(apply(connection, [replace(readings[0], born="1960-01-01")], NOON, {}).events) == 1


def test_an_alert_becomes_a_detected_issue_that_is_valid_r4(connection: psycopg.Connection[Any]) -> None:
    from fhir.validate import validate

    of = rule()
    raised = apply(connection, signals(of, (0, "6.8")), NOON, {}).alerts[0]
    body = detected_issue(raised)
    assert validate(body) == []
    assert (body["status"], body["severity"], body["patient"]["reference"]) == ("preliminary", "high", "Patient/p1")
    assert body["evidence"][0]["detail"][0]["reference"] == "Observation/o0"
    resolved = apply(connection, signals(of, (5, "5.0")), NOON, {}).alerts[0]
    assert detected_issue(resolved)["status"] == "final"
    assert "end" in detected_issue(resolved)["identifiedPeriod"]


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[3] / "channels" / "alerts").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_shipped_rule_names_where_its_limits_come_from(path: Path) -> None:
    found, wrong = read_rule(path.read_bytes(), path.name, compile_condition, {})
    assert found is not None, wrong
    assert found.name == path.stem
    assert len(found.source) > 20


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [("severity: critical", "severity: huge", "E752"), ("if: code", "iff: code", "E751"), ("value > 6.2", "value > ", "E742"),
     ("mmol/L", "mm", ""), ("mmol/L", "bpm", "E743"), ("after 10m to", "in 10m to", "E752")],
)  # fmt: skip
def test_a_wrong_rule_is_refused_with_its_place(old: str, new: str, code: str) -> None:
    found, wrong = read_rule(RULE.replace(old, new), "x.yaml", compile_condition, {})
    if not code:
        assert found is not None
        return
    assert found is None
    assert wrong[0].code == code
    assert wrong[0].at.line > 1


def versions(connection: psycopg.Connection[Any]) -> list[Any]:
    return connection.execute(
        "select rule, subject, xmin::text, state::text, seen from alerts.life order by rule, subject"
    ).fetchall()


def test_a_reading_that_changes_nothing_writes_nothing(connection: psycopg.Connection[Any]) -> None:
    apply(connection, signals(rule(), (0, "4.1")), NOON, {})
    before = versions(connection)
    apply(connection, signals(rule(), (0, "4.2"), (-5, "6.9")), NOON + MINUTE, {})
    assert versions(connection) == before
    apply(connection, signals(rule(), (1, "4.2")), NOON + MINUTE, {})
    assert versions(connection) != before
    assert apply(connection, signals(rule(), (0.5, "6.9")), NOON + 2 * MINUTE, {}).events == []  # older than the newest known


def test_a_rule_that_waits_for_readings_is_told_of_each(connection: psycopg.Connection[Any]) -> None:
    of = rule("alert: silent\nif: code has any#2823-3 and value > 99\nunit: mmol/L\nno reading for: 15m\n")
    apply(connection, signals(of, (0, "4.1")), NOON, {})
    apply(connection, signals(of, (0, "4.1")), NOON + 10 * MINUTE, {})  # the same reading again, later
    assert elapse(connection, {of.name: of}, NOON + 20 * MINUTE).events == []
    assert [event.body["turn"] for event in elapse(connection, {of.name: of}, NOON + 25 * MINUTE).events] == ["raised"]


def test_what_another_process_kept_of_a_life_is_seen(connection: psycopg.Connection[Any], database: str) -> None:
    apply(connection, signals(rule(), (0, "4.1")), NOON, {})
    with psycopg.connect(database, autocommit=True) as other:
        raised = (
            '{"phase": "raised", "count": 1, "repeats": 0, "level": 0, "acknowledged": false, "silent": false, "history": [],'
            ' "last": "2026-03-02T12:01:00+00:00", "raised": "2026-03-02T12:01:00+00:00"}'
        )
        other.execute("insert into alerts.alert (id, rule, version, subject, severity, title, state, raised_at, evidence, history)"
                      " values (gen_random_uuid(), 'high_potassium', '', 'Patient/p1', 'high', '', 'raised', %s, '', '[]')", [NOON])  # fmt: skip
        other.execute("update alerts.life set state = %s, alert = (select id from alerts.alert)", [raised])
    effects = apply(connection, signals(rule(), (2, "4.0")), NOON + 2 * MINUTE, {})
    assert [event.body["turn"] for event in effects.events] == ["resolved"]


def test_names_with_quotes_braces_and_backslashes_are_kept_as_they_are(connection: psycopg.Connection[Any]) -> None:
    odd = 'p"1\\{},null'
    apply(connection, signals(rule(), (0, "6.8"), patient=odd), NOON, {})
    apply(connection, signals(rule(), (1, "5.0"), patient=odd), NOON, {})
    assert connection.execute("select subject, alert from alerts.life").fetchall() == [(f"Patient/{odd}", None)]
    assert alerts(connection) == [("resolved", 0, 0, None)]
