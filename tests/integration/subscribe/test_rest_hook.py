"""R4 Subscriptions by rest-hook: told of what matches, in order, retried, given up, off."""

from __future__ import annotations

import pytest
from lxml import etree

from fhir.subscribe import settle
from tests.integration.subscribe.subscribed import codes, endpoint, observation, served, subscription


def test_an_endpoint_is_told_of_what_matches_and_of_nothing_else(database: str) -> None:
    with endpoint() as far, served(database, (far.url,)) as here:
        made = here.api.post("Subscription", json=subscription(f"{far.url}/hook", header=["Authorization: Bearer abc"]))
        assert made.status_code == 201, made.text
        assert here.read(f"Subscription/{made.json()['id']}")["status"] == "active"
        here.api.post("Observation", json=observation("2823-3"))
        here.api.post("Observation", json=observation())
        [told] = far.wait(1)
        assert (told.method, told.path, told.body) == ("POST", "/hook", b"")
        assert told.headers["Authorization"] == "Bearer abc"
        here.api.post("Observation", json=observation("2823-3"))
        here.api.post("Observation", json=observation())
        assert len(far.wait(2)) == 2


def test_the_resource_is_put_where_a_payload_is_asked_for(database: str) -> None:
    with endpoint() as far, served(database, (far.url,)) as here:
        here.api.post("Subscription", json=subscription(f"{far.url}/hook?key=1", payload="application/fhir+json"))
        here.api.post("Subscription", json=subscription(f"{far.url}/xml/", payload="application/fhir+xml;charset=utf-8"))
        held = b'{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"code":"718-7"}]},'
        here.api.put("Observation/o1", content=held + b'"valueQuantity":{"value":7.10}}')
        by_path = {one.path: one for one in far.wait(2)}
        json = by_path["/hook/Observation/o1?key=1"]
        assert (json.method, json.headers["Content-Type"]) == ("PUT", "application/fhir+json")
        assert json.body == here.api.get("Observation/o1").content
        assert b"7.10" in json.body
        xml = by_path["/xml/Observation/o1"]
        assert xml.headers["Content-Type"] == "application/fhir+xml"
        root = etree.fromstring(xml.body)
        assert root.tag == "{http://hl7.org/fhir}Observation"
        assert root.find(".//{http://hl7.org/fhir}value").get("value") == "7.10"


def test_what_channels_store_is_told_of_in_their_transaction(database: str) -> None:
    with endpoint() as far, served(database, (far.url,)) as here:
        here.api.post("Subscription", json=subscription(far.url, payload="application/json"))
        here.store(observation(id="o1"), observation("2823-3", id="o2"))
        [told] = far.wait(1)
        assert told.path == "/Observation/o1"
        here.store(observation(id="o1"))  # the same again is no new version
        here.store(observation(id="o1", status="amended"))
        assert [one.json["status"] for one in far.wait(2)] == ["final", "amended"]


def test_a_transaction_tells_of_each_of_its_resources_and_a_refused_one_of_none(database: str) -> None:
    entries = [{"resource": observation(), "request": {"method": "POST", "url": "Observation"}} for _ in range(5)]
    with endpoint() as far, served(database, (far.url,)) as here:
        here.api.post("Subscription", json=subscription(far.url))
        wrong = [
            *entries,
            {"resource": {**observation(), "status": "nonsense"}, "request": {"method": "POST", "url": "Observation"}},
        ]
        refused = here.api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": wrong})
        assert refused.status_code == 422
        here.api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
        here.api.post("Observation", json=observation())
        assert len(far.wait(6)) == 6


def test_a_failed_notification_is_tried_again_before_what_follows(database: str) -> None:
    with endpoint(lambda n: 503 if n < 3 else 200) as far, served(database, (far.url,)) as here:
        here.api.post("Subscription", json=subscription(far.url, payload="application/json"))
        for name in ("o1", "o2", "o3"):
            here.api.put(f"Observation/{name}", json=observation(id=name))
        assert [one.path[-2:] for one in far.wait(5)] == ["o1", "o1", "o1", "o2", "o3"]
        first, again = far.told[0], far.told[1]
        assert first.body == again.body
        assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] != far.told[3].headers["Idempotency-Key"]


def test_a_dead_endpoint_slows_no_other(database: str) -> None:
    with endpoint(lambda n: 0) as dead, endpoint() as far, served(database, (dead.url, far.url)) as here:
        here.api.post("Subscription", json=subscription(dead.url))
        here.api.post("Subscription", json=subscription(far.url))
        for _ in range(30):
            here.api.post("Observation", json=observation())
        assert len(far.wait(30)) == 30
        assert len(dead.told) == 1


def test_a_subscription_that_is_off_or_deleted_is_told_nothing(database: str) -> None:
    with endpoint() as far, endpoint() as other, served(database, (far.url, other.url)) as here:
        first = here.api.post("Subscription", json=subscription(far.url)).json()["id"]
        second = here.api.post("Subscription", json=subscription(far.url)).json()["id"]
        here.api.post("Subscription", json=subscription(other.url))
        assert (
            here.api.put(f"Subscription/{first}", json={**subscription(far.url), "id": first, "status": "off"}).status_code == 200
        )
        assert here.api.delete(f"Subscription/{second}").status_code == 204
        here.api.post("Observation", json=observation())
        other.wait(1)
        assert far.told == []
        assert here.read(f"Subscription/{first}")["status"] == "off"
        here.api.put(f"Subscription/{first}", json={**subscription(far.url), "id": first})
        here.api.post("Observation", json=observation())
        assert len(far.wait(1)) == 1


def test_what_cannot_be_served_is_refused_when_it_is_posted(database: str) -> None:
    with served(database, ("https://ehr.example.org",)) as here:
        url = "https://ehr.example.org/hook"
        for body, status, code in (
            (subscription(url, "Observation?nonsense=1"), 400, "E590"),
            (subscription(url, "Observation?patient.name=x"), 400, "E590"),
            (subscription(url, type="email"), 422, "E591"),
            (subscription(url, payload="text/plain"), 422, "E591"),
            (subscription(url, header=["Host: elsewhere"]), 400, "E591"),
            (subscription(url, header=["X: a\r\nY: b"]), 400, "E591"),
            (subscription("https://elsewhere.example.org/hook"), 403, "E592"),
        ):
            response = here.api.post("Subscription", json=body)
            assert (response.status_code, codes(response)) == (status, [code])
        assert here.read("Subscription").get("total", 0) == 0
        assert here.api.post("Subscription", json=subscription(url)).status_code == 201


def test_no_more_are_served_than_have_a_turn_of_their_own(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "MOST", 1)
    with served(database, ("https://ehr.example.org",)) as here:
        assert here.api.post("Subscription", json=subscription("https://ehr.example.org/1")).status_code == 201
        refused = here.api.post("Subscription", json=subscription("https://ehr.example.org/2"))
        assert (refused.status_code, codes(refused)) == (429, ["E596"])
