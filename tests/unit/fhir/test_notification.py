"""Notifications of the R5 backport, as its page of examples has them; tokens of sockets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fhir.subscribe.bundle import Event, State, notification, parameters
from fhir.subscribe.token import LIFE, make, read
from fhir.validate import validate

AT = datetime(2020, 5, 29, 16, 44, 13, 188000, tzinfo=UTC)
BASE = "https://example.org/fhir"
TOPIC = "http://hl7.org/SubscriptionTopic/admission"
STATE = State(7, "admission", BASE, TOPIC, "active", 2)
ID = "86009987-eabe-42bf-8c02-b112b18cb616"
BODY = {"resourceType": "Encounter", "id": ID, "status": "in-progress", "class": {"code": "IMP"}}
EVENT = Event(2, AT, "updated", "Encounter", ID, 3, BODY)


def test_an_id_only_notification_is_the_guides_own_example() -> None:
    bundle = notification(STATE, "event-notification", AT, [EVENT], "id-only")
    assert validate(bundle) == []
    assert (bundle["type"], bundle["timestamp"]) == ("history", "2020-05-29T16:44:13.188Z")
    first, second = bundle["entry"]
    assert first["request"] == {"method": "GET", "url": f"{BASE}/Subscription/admission/$status"}
    assert first["response"] == {"status": "200"}
    assert first["resource"]["parameter"] == [
        {"name": "subscription", "valueReference": {"reference": f"{BASE}/Subscription/admission"}},
        {"name": "topic", "valueCanonical": TOPIC},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": "event-notification"},
        {"name": "events-since-subscription-start", "valueString": "2"},
        {
            "name": "notification-event",
            "part": [
                {"name": "event-number", "valueString": "2"},
                {"name": "timestamp", "valueInstant": "2020-05-29T16:44:13.188Z"},
                {"name": "focus", "valueReference": {"reference": f"{BASE}/Encounter/{ID}"}},
            ],
        },
    ]
    assert second["fullUrl"] == f"{BASE}/Encounter/{ID}"
    assert second["request"] == {"method": "PUT", "url": f"Encounter/{ID}"}
    assert "resource" not in second


def test_a_full_notification_holds_the_resource_and_an_empty_one_names_nothing() -> None:
    full = notification(STATE, "event-notification", AT, [EVENT], "full-resource")
    assert validate(full) == []
    assert full["entry"][1]["resource"] == BODY
    empty = notification(STATE, "event-notification", AT, [EVENT], "empty")
    assert validate(empty) == []
    assert ID not in repr(empty)


@pytest.mark.parametrize("kind", ["handshake", "heartbeat"])
def test_handshake_and_heartbeat_hold_the_state_alone(kind: str) -> None:
    bundle = notification(STATE, kind, AT)
    assert validate(bundle) == []
    [only] = bundle["entry"]
    assert {"name": "type", "valueCode": kind} in only["resource"]["parameter"]
    assert not [row for row in only["resource"]["parameter"] if row["name"] == "notification-event"]


def test_the_same_notification_is_the_same_bytes_and_another_has_another_id() -> None:
    assert notification(STATE, "event-notification", AT, [EVENT]) == notification(STATE, "event-notification", AT, [EVENT])
    later = State(7, "admission", BASE, TOPIC, "active", 3)
    assert notification(later, "heartbeat", AT)["id"] != notification(STATE, "heartbeat", AT)["id"]


def test_an_error_is_told_with_the_state() -> None:
    wrong = parameters(State(7, "admission", BASE, TOPIC, "error", 2), "query-status", error="E724 the far side failed (503)")
    assert validate(wrong) == []
    assert wrong["parameter"][-1] == {"name": "error", "valueCodeableConcept": {"text": "E724 the far side failed (503)"}}


def test_a_token_is_good_for_its_subscriptions_until_it_is_too_old() -> None:
    key = b"k" * 32
    token, until = make(key, [3, 9], AT)
    assert until == (AT + LIFE).replace(microsecond=0)
    assert read(key, token, AT) == (3, 9)
    assert read(key, token, until - timedelta(seconds=1)) == (3, 9)
    assert read(key, token, until) is None
    assert read(b"o" * 32, token, AT) is None
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        assert read(key, token[:place] + other + token[place + 1 :], AT) is None
    for text in ("", ".", "abc", "ä.b", token * 200):
        assert read(key, text, AT) is None
