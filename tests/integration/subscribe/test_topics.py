"""Subscriptions of the R5 backport: handshake, numbered notifications, heartbeats, errors, what may be asked again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from lxml import etree

from fhir.subscribe.asked import IG, PROFILE
from fhir.subscribe.topic import Topic, load
from fhir.validate import validate
from tests.integration.subscribe.subscribed import Endpoint, Served, Told, endpoint, served, subscription, wait_for

URL = "http://example.org/SubscriptionTopic/admission"
FILE = f"topic: {URL}\nresource: Encounter\non: [create, update, delete]\nnow: status=in-progress\nfilters: [patient]\n"


def topics(name: str) -> dict[str, Topic]:
    topic, found = load(FILE, "admission.yaml")
    assert topic is not None and name == "topics", found
    return {"admission": topic}


def admissions(url: str, *filters: str, content: str = "id-only", **channel: Any) -> dict[str, Any]:
    made = subscription(url, URL, **{"payload": "application/fhir+json", **channel})
    made["meta"] = {"profile": [PROFILE]}
    made["channel"]["_payload"] = {"extension": [{"url": f"{IG}backport-payload-content", "valueCode": content}]}
    if filters:
        made["_criteria"] = {"extension": [{"url": f"{IG}backport-filter-criteria", "valueString": text} for text in filters]}
    return made


def option(name: str, **value: int) -> dict[str, Any]:
    return {"url": f"{IG}backport-{name}", **value}


def encounter(id: str, patient: str = "p1", status: str = "in-progress") -> dict[str, Any]:
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "Encounter", "id": id, "status": status, "class": {"code": "IMP"}, "subject": subject}


def said(bundle: dict[str, Any]) -> dict[str, Any]:
    """The state a notification begins with: values by name, events as (number, focus)."""
    first = bundle["entry"][0]["resource"]
    assert first["resourceType"] == "Parameters"
    assert first["meta"]["profile"] == [f"{IG}backport-subscription-status-r4"]
    found: dict[str, Any] = {"events": []}
    for row in first["parameter"]:
        if row["name"] == "notification-event":
            parts = {part["name"]: part for part in row["part"]}
            focus = parts.get("focus", {}).get("valueReference", {}).get("reference")
            found["events"].append((parts["event-number"]["valueString"], focus))
        else:
            found[row["name"]] = next(value for name, value in row.items() if name != "name")
    return found


def right(told: Told | dict[str, Any]) -> dict[str, Any]:
    """A notification, which is a Bundle that the server itself would take, of the backport's profile."""
    bundle = told if isinstance(told, dict) else told.json
    assert validate(bundle) == []
    assert bundle["type"] == "history"
    assert bundle["meta"]["profile"] == [f"{IG}backport-subscription-notification-r4"]
    assert all("request" in one and "response" in one for one in bundle["entry"])
    return bundle


def subscribed(here: Served, far: Endpoint, body: dict[str, Any]) -> str:
    """Posts a Subscription and waits until its endpoint has taken the handshake."""
    before = len(far.told)
    made = here.api.post("Subscription", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["status"] == "requested"
    handshake = said(right(far.wait(before + 1)[before]))
    assert (handshake["type"], handshake["status"], handshake["topic"]) == ("handshake", "requested", URL)
    assert handshake["events-since-subscription-start"] == "0"
    id = str(made.json()["id"])
    here.becomes(f"Subscription/{id}", "active")
    return id


def test_a_topic_is_told_of_after_the_handshake_with_numbers_and_names(database: str) -> None:
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        id = subscribed(here, far, admissions(far.url, "Encounter?patient=Patient/p1"))
        here.api.put("Encounter/e1", json=encounter("e1"))
        here.api.put("Encounter/e2", json=encounter("e2", "p2"))
        here.api.put("Encounter/e3", json=encounter("e3", status="arrived"))
        here.api.put("Encounter/e3", json=encounter("e3"))
        here.api.delete("Encounter/e1")
        bundles = [right(one) for one in far.wait(4)[1:]]
        told = [said(bundle) for bundle in bundles]
        assert [one["events"] for one in told] == [
            [("1", f"{here.url}/Encounter/e1")], [("2", f"{here.url}/Encounter/e3")], [("3", f"{here.url}/Encounter/e1")],
        ]  # fmt: skip
        assert [one["events-since-subscription-start"] for one in told] == ["1", "2", "3"]
        assert {one["type"] for one in told} == {"event-notification"}
        assert {one["subscription"]["reference"] for one in told} == {f"{here.url}/Subscription/{id}"}
        requests = [(bundle["entry"][1]["request"], bundle["entry"][1]["response"]["status"]) for bundle in bundles]
        assert requests == [
            ({"method": "POST", "url": "Encounter"}, "201"),
            ({"method": "PUT", "url": "Encounter/e3"}, "200"),
            ({"method": "DELETE", "url": "Encounter/e1"}, "204"),
        ]
        assert not any("resource" in bundle["entry"][1] for bundle in bundles)


@pytest.mark.parametrize("content", ["id-only", "full-resource"])
def test_what_happens_during_a_handshake_is_told_once_it_is_taken(database: str, content: str) -> None:
    there = threading.Event()
    there.set()
    with (
        endpoint(lambda n: 200 if there.is_set() else 503) as far,
        served(database, (far.url,), "every 50ms, for 60s", folders=topics) as here,
    ):
        id = subscribed(here, far, admissions(far.url, content=content))
        here.api.put("Encounter/e1", json=encounter("e1"))
        far.wait(2)
        there.clear()
        again = {**here.read(f"Subscription/{id}"), "status": "requested"}
        assert here.api.put(f"Subscription/{id}", json=again).status_code == 200
        for name in ("e2", "e3"):
            here.api.put(f"Encounter/{name}", json=encounter(name))
        assert here.api.get(f"Subscription/{id}/$status").json()["entry"][0]["resource"]["parameter"]
        there.set()
        here.becomes(f"Subscription/{id}", "active")
        here.api.put("Encounter/e4", json=encounter("e4"))
        wait_for(lambda: [n for one in notified(far) for n in one["events"]][-1:] == [("4", f"{here.url}/Encounter/e4")])
        told = [one["events"] for one in notified(far)]
        assert told == [[(str(n), f"{here.url}/Encounter/e{n}")] for n in (1, 2, 3, 4)]
        held = [
            one.json["entry"][1].get("resource", {}).get("id") for one in far.told if "event-notification" in one.body.decode()
        ]
        assert held == (["e1", "e2", "e3", "e4"] if content == "full-resource" else [None] * 4)


def notified(far: Endpoint) -> list[dict[str, Any]]:
    """The notifications of events among what an endpoint was told."""
    return [found for one in list(far.told) if (found := said(one.json))["type"] == "event-notification"]


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
def test_a_notification_holds_as_much_as_is_asked_for(database: str, content: str) -> None:
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        subscribed(here, far, admissions(far.url, content=content))
        here.api.put("Encounter/e1", json=encounter("e1"))
        bundle = right(far.wait(2)[1])
        [(number, focus)] = said(bundle)["events"]
        assert number == "1"
        if content == "empty":
            assert (focus, len(bundle["entry"])) == (None, 1)
            return
        assert focus == bundle["entry"][1]["fullUrl"] == f"{here.url}/Encounter/e1"
        if content == "full-resource":
            assert bundle["entry"][1]["resource"] == here.read("Encounter/e1")


def test_notifications_are_written_in_xml_where_that_is_asked_for(database: str) -> None:
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        here.api.post("Subscription", json=admissions(far.url, payload="application/fhir+xml"))
        [told] = far.wait(1)
        assert told.headers["Content-Type"] == "application/fhir+xml"
        assert etree.fromstring(told.body).find("{http://hl7.org/fhir}type").get("value") == "history"


def test_events_of_one_transaction_come_together_as_many_as_are_wanted(database: str) -> None:
    entries = [{"resource": encounter(f"e{n}"), "request": {"method": "PUT", "url": f"Encounter/e{n}"}} for n in range(5)]
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        subscribed(here, far, admissions(far.url, extension=[option("max-count", valuePositiveInt=2)]))
        done = here.api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert done.status_code == 200, done.text
        told = [said(right(one)) for one in far.wait(4)[1:]]
        assert [[number for number, _ in one["events"]] for one in told] == [["1", "2"], ["3", "4"], ["5"]]
        assert [one["events-since-subscription-start"] for one in told] == ["2", "4", "5"]


def test_an_endpoint_that_is_told_nothing_gets_heartbeats(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir.subscribe.asked.BEATS", (1, 86400))
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        subscribed(here, far, admissions(far.url, extension=[option("heartbeat-period", valueUnsignedInt=1)]))
        here.api.put("Encounter/e1", json=encounter("e1"))

        def beats() -> list[dict[str, Any]]:  # after the event; one may have come before it on a busy machine
            found = [said(right(one)) for one in far.told]
            return [one for one in found if one["type"] == "heartbeat" and one["events-since-subscription-start"] == "1"]

        wait_for(lambda: len(beats()) >= 2)
        assert all(one["events"] == [] and one["status"] == "active" for one in beats())


def test_a_handshake_that_is_refused_leaves_the_subscription_in_error_until_it_is_asked_for_anew(database: str) -> None:
    with endpoint(lambda n: 410 if n == 1 else 200) as far, served(database, (far.url,), folders=topics) as here:
        made = here.api.post("Subscription", json=admissions(far.url)).json()
        wrong = here.becomes(f"Subscription/{made['id']}", "error")
        assert wrong["error"].startswith("E726")
        here.api.put("Encounter/e1", json=encounter("e1"))
        again = here.api.put(f"Subscription/{made['id']}", json={**admissions(far.url), "id": made["id"]})
        assert again.status_code == 200, again.text
        assert "error" not in here.becomes(f"Subscription/{made['id']}", "active")
        here.api.put("Encounter/e2", json=encounter("e2"))
        told = said(right(far.wait(3)[2]))
        assert told["events"] == [
            ("2", f"{here.url}/Encounter/e2")
        ]  # the first happened meanwhile: the client sees that it missed it


def test_a_delivery_that_is_given_up_leaves_the_subscription_in_error_and_what_followed_is_let_go(database: str) -> None:
    with (
        endpoint(lambda n: 200 if n == 1 else 503) as far,
        served(database, (far.url,), "every 20ms, for 50ms", folders=topics) as here,
    ):
        id = subscribed(here, far, admissions(far.url))
        for name in ("e1", "e2", "e3"):
            here.api.put(f"Encounter/{name}", json=encounter(name))
        wrong = here.becomes(f"Subscription/{id}", "error")
        assert wrong["error"].startswith("E724")
        tried = len(far.told)
        here.api.put("Encounter/e4", json=encounter("e4"))
        far.answer = lambda n: 200
        here.api.put(f"Subscription/{id}", json={**admissions(far.url), "id": id})
        here.becomes(f"Subscription/{id}", "active")
        here.api.put("Encounter/e5", json=encounter("e5"))
        wait_for(lambda: bool(far.told[tried:]) and said(far.told[-1].json)["events"] != [])
        assert said(far.told[-1].json)["events"] == [("5", f"{here.url}/Encounter/e5")]


def test_a_subscription_ends_when_it_says(database: str) -> None:
    with endpoint() as far, served(database, (far.url,)) as here:
        made = here.api.post("Subscription", json={**subscription(far.url), "end": "2020-01-01T00:00:00Z"})
        assert here.becomes(f"Subscription/{made.json()['id']}", "off")["end"] == "2020-01-01T00:00:00Z"


def test_topics_are_advertised_and_may_be_read(database: str) -> None:
    with served(database, folders=topics) as here:
        statement = here.read("metadata")
        assert validate(statement) == []
        [rest] = statement["rest"]
        assert rest["extension"][0]["valueUri"] == f"ws{here.url.removeprefix('http')}/websocket"
        [told] = [one for one in rest["resource"] if one["type"] == "Subscription"]
        assert [one["valueCanonical"] for one in told["extension"]] == [URL]
        assert told["supportedProfile"] == [PROFILE]
        assert [one["name"] for one in told["operation"]] == ["validate", "status", "events", "get-ws-binding-token"]
        found = here.read("Basic?code=SubscriptionTopic")
        assert found["total"] == 1
        basic = found["entry"][0]["resource"]
        assert validate(basic) == []
        assert basic == here.read(f"Basic/{basic['id']}")
        assert {"valueUri": URL, "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.url"} in basic[
            "extension"
        ]
        assert here.read("Basic?code=other")["total"] == 0
