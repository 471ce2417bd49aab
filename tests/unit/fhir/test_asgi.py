"""The raw ASGI face: what is refused before a handler sees it, and what a handler's failure becomes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import pytest

from fhir.rest.answer import Answer
from fhir.rest.asgi import Api
from fhir.rest.call import Call


def asked(api: Api, method: str = "GET", path: str = "/fhir/R4/Patient/1", query: bytes = b"", **more: Any) -> tuple[int, Any]:
    """Status and JSON of one request."""
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in more.get("body", ())]
    waiting.append(
        {"type": "http.request", "body": b"", "more_body": False} if not more.get("leaves") else {"type": "http.disconnect"}
    )

    async def receive() -> Any:
        return waiting.pop(0) if waiting else await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "query_string": query, "scheme": "http", "headers": more.get("headers", []),
    }  # fmt: skip
    asyncio.run(api(scope, receive, send))
    if not sent:
        return 0, None
    return sent[0]["status"], json.loads(sent[1]["body"] or b"null")


def failing(error: Exception) -> Api:
    async def handler(call: Call) -> Answer:
        raise error

    return Api("/fhir/R4", handler)


async def echo(call: Call) -> Answer:
    return Answer(200, json.dumps([call.method, call.path, call.params, call.body.decode()]).encode())


API = Api("/fhir/R4", echo)


def code(body: Any) -> str:
    return str(body["issue"][0]["details"]["coding"][0]["code"])


def test_a_body_in_pieces_is_put_together() -> None:
    assert asked(API, "POST", "/fhir/R4/Patient", body=[b'{"a', b'":1}']) == (200, ["POST", ["Patient"], [], '{"a":1}'])


def test_a_client_that_leaves_is_answered_nothing() -> None:
    assert asked(API, "POST", "/fhir/R4/Patient", body=[b"{"], leaves=True) == (0, None)


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir.rest.asgi.PATIENCE", 0.01)
    ends: list[Any] = []

    async def receive() -> Any:
        return (
            {"type": "http.request", "body": b"x", "more_body": True}
            if not ends.append(1) and len(ends) < 3
            else await asyncio.Future()
        )  # type: ignore[func-returns-value]

    async def run() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/fhir/R4/Patient",
            "query_string": b"",
            "scheme": "http",
            "headers": [],
        }
        await API(scope, receive, send)
        return sent

    sent = asyncio.run(run())
    assert (sent[0]["status"], code(json.loads(sent[1]["body"]))) == (408, "E577")


def test_ten_thousand_headers_or_a_huge_address_are_refused() -> None:
    status, body = asked(API, headers=[(b"a", b"b")] * 10_000)
    assert (status, code(body)) == (414, "E578")
    status, body = asked(API, query=b"a" * 1_000_000)
    assert (status, code(body)) == (414, "E578")


def test_other_methods_are_refused() -> None:
    for method in ("TRACE", "CONNECT", "OPTIONS", "BREW"):
        status, body = asked(API, method)
        assert (status, code(body)) == (405, "E553")


def test_a_lost_database_is_unavailable_and_a_bug_is_an_outcome_without_data() -> None:
    status, body = asked(failing(psycopg.OperationalError("Jane Doe")))
    assert (status, code(body)) == (503, "E570")
    status, body = asked(failing(ValueError("Jane Doe")))
    assert (status, code(body)) == (500, "E550")
    assert "Jane" not in json.dumps(body)
