"""Subscriptions by websocket, R4's own and the backport's, and the operations beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from fhir import encode
from fhir.subscribe.keeper import tidy
from fhir.subscribe.socket import FULL
from tests.integration.subscribe.subscribed import Served, codes, endpoint, observation, served, subscription
from tests.integration.subscribe.test_topics import URL, admissions, encounter, option, right, said, subscribed, topics


@contextmanager
def socket(here: Served, path: str = "websocket", **options: Any) -> Iterator[ClientConnection]:
    with connect(f"ws{here.url.removeprefix('http')}/{path}", open_timeout=20, close_timeout=5, **options) as opened:
        yield opened


def told(opened: ClientConnection) -> dict[str, Any]:
    text = opened.recv(timeout=20)
    return right(encode.trusted(text))


def token(here: Served, *ids: str) -> dict[str, Any]:
    answer = here.api.get("Subscription/$get-ws-binding-token", params=[("id", id) for id in ids])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = {}
    for row in answer.json()["parameter"]:
        found.setdefault(row["name"], []).append(next(value for name, value in row.items() if name.startswith("value")))
    return found


def by_websocket(**channel: Any) -> dict[str, Any]:
    made = subscription("", **{"type": "websocket", **channel})
    del made["channel"]["endpoint"]
    return made


def by_topic(content: str = "id-only", **channel: Any) -> dict[str, Any]:
    made = admissions("", content=content, **{"type": "websocket", **channel})
    del made["channel"]["endpoint"]
    return made


def made(here: Served, body: dict[str, Any]) -> str:
    answer = here.api.post("Subscription", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_bound_socket_gets_a_ping_for_each_event(database: str) -> None:
    with served(database) as here:
        first, second = made(here, by_websocket()), made(here, by_websocket() | {"criteria": "Observation?code=2823-3"})
        here.api.post("Observation", json=observation())  # before anybody is bound: not told
        with socket(here) as opened, socket(here) as other:
            opened.send(f"bind {first}")
            assert opened.recv(timeout=20) == f"bound {first}"
            other.send(f"bind {second}")
            assert other.recv(timeout=20) == f"bound {second}"
            other.send(f"bind {first}")
            assert other.recv(timeout=20) == f"bound {first}"
            here.api.post("Observation", json=observation())
            here.store(observation(id="o1"), observation(id="o2"))
            assert [opened.recv(timeout=20) for _ in range(3)] == [f"ping {first}"] * 3
            assert [other.recv(timeout=20) for _ in range(3)] == [f"ping {first}"] * 3
            here.api.post("Observation", json=observation("2823-3"))
            assert other.recv(timeout=20) == f"ping {second}"
            here.api.post("Observation", json=observation())
            assert opened.recv(timeout=20) == f"ping {first}"  # and of the other one nothing


def test_a_token_binds_a_socket_to_topics(database: str) -> None:
    with served(database, folders=topics) as here:
        first, second = made(here, by_topic("full-resource")), made(here, by_topic("empty"))
        here.api.put("Encounter/e0", json=encounter("e0"))
        asked = token(here, first, second)
        assert asked["subscription"] == [first, second]
        assert asked["websocket-url"] == [f"ws{here.url.removeprefix('http')}/websocket"]
        with connect(asked["websocket-url"][0], open_timeout=20) as opened:
            opened.send(f"bind-with-token {asked['token'][0]}")
            hands = [said(told(opened)) for _ in range(2)]
            assert {(one["type"], one["events-since-subscription-start"]) for one in hands} == {("handshake", "1")}
            here.api.put("Encounter/e1", json=encounter("e1"))
            by_id = {said(one)["subscription"]["reference"].rpartition("/")[2]: one for one in (told(opened), told(opened))}
            assert said(by_id[first])["events"] == [("2", f"{here.url}/Encounter/e1")]
            assert by_id[first]["entry"][1]["resource"] == here.read("Encounter/e1")
            assert said(by_id[second])["events"] == [("2", None)]
            assert here.api.delete(f"Subscription/{second}").status_code == 204
            assert here.api.delete(f"Subscription/{first}").status_code == 204
            with pytest.raises(ConnectionClosed) as ended:
                opened.recv(timeout=20)
            assert ended.value.rcvd is not None and ended.value.rcvd.code == 1000


def test_a_socket_that_is_told_nothing_gets_heartbeats(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir.subscribe.asked.BEATS", (1, 86400))
    with served(database, folders=topics) as here:
        id = made(here, by_topic(extension=[option("heartbeat-period", valueUnsignedInt=1)]))
        with socket(here) as opened:
            opened.send(f"bind-with-token {token(here, id)['token'][0]}")
            assert [said(told(opened))["type"] for _ in range(3)] == ["handshake", "heartbeat", "heartbeat"]


def test_a_token_outlives_a_restart(database: str) -> None:
    with served(database, folders=topics) as here:
        id = made(here, by_topic())
        text = token(here, id)["token"][0]
    with served(database, folders=topics) as here, socket(here) as opened:
        opened.send(f"bind-with-token {text}")
        assert said(told(opened))["type"] == "handshake"


FRAMES = ("bind nobody", "bind-with-token abc.def", "hello", "bind", "", "bind " + "x" * 9000, '{"a": 1}')


def test_a_socket_that_says_something_else_is_closed(database: str) -> None:
    with served(database) as here:
        for frame in FRAMES:
            with socket(here) as opened:
                opened.send(frame)
                with pytest.raises(ConnectionClosed) as ended:
                    opened.recv(timeout=20)
            assert ended.value.rcvd is not None
            assert (ended.value.rcvd.code, ended.value.rcvd.reason[:4]) in ((1008, "E597"), (1008, "E598")), frame[:20]


def test_a_topic_is_bound_by_token_only_and_an_old_or_foreign_token_binds_nothing(database: str) -> None:
    with served(database, folders=topics) as here:
        id = made(here, by_topic())
        good = token(here, id)["token"][0]
        body, _, mac = good.partition(".")
        other = ("1" if mac[0] == "0" else "0") + mac[1:]
        for frame in (f"bind {id}", f"bind-with-token {body}.{other}", f"bind-with-token {body[:-4]}.{mac}"):
            with socket(here) as opened:
                opened.send(frame)
                with pytest.raises(ConnectionClosed):
                    opened.recv(timeout=20)


def test_pages_of_other_sites_may_not_open_a_socket(database: str) -> None:
    with served(database) as here, pytest.raises(InvalidStatus) as refused, socket(here, origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_status_tells_how_subscriptions_stand(database: str) -> None:
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        first, second = subscribed(here, far, admissions(far.url)), made(here, by_websocket())
        here.api.put("Encounter/e1", json=encounter("e1"))
        one = here.api.get(f"Subscription/{first}/$status").json()
        assert (one["type"], one["total"]) == ("searchset", 1)
        found = said(one)
        assert (found["type"], found["status"], found["topic"]) == ("query-status", "active", URL)
        assert found["events-since-subscription-start"] == "1"
        both = here.api.get("Subscription/$status").json()
        assert both["total"] == 2
        body = {
            "resourceType": "Parameters",
            "parameter": [{"name": "id", "valueId": second}, {"name": "status", "valueCode": "active"}],
        }
        posted = here.api.post("Subscription/$status", json=body).json()
        assert [said(posted)["subscription"]["reference"]] == [f"{here.url}/Subscription/{second}"]
        assert here.api.get("Subscription/$status", params={"status": "error"}).json()["total"] == 0
        missing = here.api.get("Subscription/nobody/$status")
        assert (missing.status_code, codes(missing)) == (404, ["E551"])


def test_events_are_told_again_to_who_asks(database: str) -> None:
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        id = subscribed(here, far, admissions(far.url))
        for n in (1, 2, 3):
            here.api.put(f"Encounter/e{n}", json=encounter(f"e{n}"))
        here.api.put("Encounter/e2", json=encounter("e2") | {"class": {"code": "AMB"}})
        far.wait(5)
        answer = here.api.get(
            f"Subscription/{id}/$events", params={"eventsSinceNumber": 2, "eventsUntilNumber": 3, "content": "full-resource"}
        )
        bundle = right(answer.json())
        assert said(bundle)["type"] == "query-event"
        assert [number for number, _ in said(bundle)["events"]] == ["2", "3"]
        assert [one["resource"]["id"] for one in bundle["entry"][1:]] == ["e2", "e3"]
        assert bundle["entry"][1]["resource"]["class"] == {"code": "IMP"}  # the version that it was about
        assert len(said(here.api.get(f"Subscription/{id}/$events").json())["events"]) == 4
        wrong = here.api.get(f"Subscription/{id}/$events", params={"eventsSinceNumber": "x"})
        assert (wrong.status_code, codes(wrong)) == (400, ["E562"])


def test_no_token_is_given_for_what_is_not_told_by_socket(database: str) -> None:
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        id = subscribed(here, far, admissions(far.url))
        refused = here.api.get(f"Subscription/{id}/$get-ws-binding-token")
        assert (refused.status_code, codes(refused)) == (400, ["E597"])


def test_no_more_sockets_are_served_than_there_may_be(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir.subscribe.socket.SOCKETS", 1)
    with served(database) as here, socket(here), pytest.raises(InvalidStatus) as refused, socket(here):
        pass
    assert refused.value.response.status_code == 403
    assert FULL.code == "E599"


def test_events_are_kept_for_a_week(database: str) -> None:
    with served(database, folders=topics) as here:
        id = made(here, by_topic())
        for n in (1, 2, 3):
            here.api.put(f"Encounter/e{n}", json=encounter(f"e{n}"))
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("update fhir.subscription_event set at = at - interval '8 days' where number <= 2")
            assert tidy(connection, here.site.now()) == 2
            assert tidy(connection, here.site.now()) == 0
        kept = said(here.api.get(f"Subscription/{id}/$events").json())
        assert ([number for number, _ in kept["events"]], kept["events-since-subscription-start"]) == (["3"], "3")
