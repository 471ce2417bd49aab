"""Subscriptions to what channels store, on a whole engine: told over HTTP and by socket, and nothing lost when it is killed."""

from __future__ import annotations

import json
import signal
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from fhir import encode
from fhir.validate import validate
from tests.acceptance.running import Start
from tests.acceptance.test_alerts import critical
from tests.acceptance.test_engine import get, processed, talk
from tests.integration.subscribe.subscribed import endpoint, subscription
from tests.integration.subscribe.test_topics import PROFILE, said

CONTENT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content"


def alerts() -> dict[str, Any]:
    payload = {"extension": [{"url": CONTENT, "valueCode": "full-resource"}]}
    channel = {"type": "websocket", "payload": "application/fhir+json", "_payload": payload}
    made = subscription("", "urn:isthmus:topic:alert") | {"channel": channel, "meta": {"profile": [PROFILE]}}
    return made


def post(base: str, body: dict[str, Any]) -> str:
    answer = httpx.post(f"{base}/Subscription", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def value(told: Any) -> str:
    return str(told.json["valueQuantity"]["value"])


@pytest.mark.timeout(240)
def test_results_of_a_channel_are_told_of_in_order_although_the_engine_is_killed(
    own_engine: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint() as far:
        monkeypatch.setenv("ISTHMUS_SUBSCRIPTION_HOSTS", far.url)
        monkeypatch.setenv("ISTHMUS_SUBSCRIPTION_RETRY", "every 200ms")
        engine = own_engine()
        base = f"{engine.http}/fhir/R4"
        assert talk(engine.port("hospital"), critical("K", "4.0")) == ["AA"]  # before anybody asks: told to nobody
        processed(engine, "K")
        post(base, subscription(f"{far.url}/hook", "Observation?code=http://loinc.org|2823-3", payload="application/fhir+json"))
        parameters = get(f"{base}/Subscription/{post(base, alerts())}/$get-ws-binding-token")["parameter"]
        asked = {row["name"]: next(one for name, one in row.items() if name != "name") for row in parameters}
        with connect(asked["websocket-url"], open_timeout=30) as socket:
            socket.send(f"bind-with-token {asked['token']}")
            assert said(json.loads(socket.recv(timeout=30)))["type"] == "handshake"
            assert talk(engine.port("hospital"), critical("K0", "7.10")) == ["AA"]
            [first] = far.wait(1)
            assert (first.method, first.path[:18]) == ("PUT", "/hook/Observation/")
            assert b'"value":7.10' in first.body
            bundle = encode.trusted(socket.recv(timeout=30))
            assert validate(bundle) == []
            assert bundle["entry"][1]["resource"]["resourceType"] == "DetectedIssue"
        far.answer = lambda n: 503
        values = [f"6.{n}" for n in range(3, 8)]
        for n, text in enumerate(values, start=1):
            assert talk(engine.port("hospital"), critical(f"K{n}", text, n)) == ["AA"]
        far.wait(2)
        engine.stop(signal.SIGKILL)
        seen = len(far.told)
        far.answer = lambda n: 200
        own_engine(folder=engine.data.parent)
        far.wait(seen + len(values))
        after = [value(one) for one in far.told[seen:]]
        assert list(dict.fromkeys(after)) == values
        tried = {one.headers["Idempotency-Key"] for one in far.told[1:]}
        assert len(tried) == len(values)
