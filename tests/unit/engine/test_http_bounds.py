"""The HTTP face refuses what is too large or packed, protects browsers, and tells a defect without its words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request

from engine import http
from engine.bounds import HEADERS, Bounded
from engine.fault import Fault, Kind, Refused
from engine.settings import Settings
from engine.types import Site
from engine.uuid7 import uuid7
from engine.web import Web

LIMIT = 1000
CANARY = "Canary-Smith"


def routes(site: Site) -> APIRouter:
    router = APIRouter()

    @router.post("/raw")
    async def raw(request: Request) -> dict[str, int]:
        return {"taken": len(await request.body())}

    @router.post("/parsed")
    async def parsed(body: dict[str, Any]) -> dict[str, int]:
        return {"taken": len(body)}

    @router.get("/broken")
    async def broken() -> None:
        raise ValueError(CANARY)

    @router.get("/refused")
    async def refused() -> None:
        raise Refused(Fault(Kind.BUSY, "E625", "too much at once", "here", "later"))

    @router.get("/number")
    async def number(n: int) -> int:
        return n

    return router


async def ready() -> tuple[bool, dict[str, Any]]:
    return False, {"checks": {"database": False}}


async def deployed() -> list[dict[str, Any]]:
    return []


def call(method: str, path: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> httpx.Response:
    """One request against the application as the engine serves it, with these tests' routes."""
    monkeypatch.setattr(http, "plugins", lambda group: {"tests": routes} if group == "routes" else {})
    monkeypatch.setattr(http, "MAX_BODY", LIMIT)
    site = Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)
    app, _ = http.build(site, ready, deployed, "the-token")

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **more)

    return asyncio.run(main())


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 100):
        yield b"[" + b" " * 99


@pytest.mark.parametrize("path", ["/raw", "/parsed", "/nowhere"])
def test_a_body_that_is_declared_too_large_is_refused_unread(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call("POST", path, monkeypatch, content=b"x" * (LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "E906")


@pytest.mark.parametrize("path", ["/raw", "/parsed"])
def test_a_body_that_streams_past_the_limit_is_refused_whatever_reads_it(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call("POST", path, monkeypatch, content=chunks(10 * LIMIT), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "E906")


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "٣", "1,2", "9" * 40])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-length", length.encode())]}
    asyncio.run(Bounded(None, LIMIT)(scope, None, send))
    assert sent[0]["status"] == 413


def test_a_body_within_the_limit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("POST", "/raw", monkeypatch, content=b"x" * LIMIT).json() == {"taken": LIMIT}


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "GZIP"])
def test_a_packed_body_is_refused_unpacked(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call("POST", "/raw", monkeypatch, content=b"x", headers={"content-encoding": coding})
    assert (answer.status_code, answer.json()["code"]) == (415, "E907")


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/broken", "/refused", "/openapi.json"])
def test_every_answer_protects_browsers(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call("GET", path, monkeypatch)
    for name, value in HEADERS:
        assert answer.headers[name.decode()] == value.decode(), name


def test_a_route_that_raises_is_a_500_without_its_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "isthmus"):
        answer = call("GET", "/broken", monkeypatch)
    assert (answer.status_code, answer.json()["code"]) == (500, "E903")
    assert answer.headers["content-type"] == "application/problem+json"
    told = [record for record in caplog.records if record.name == "isthmus"]
    assert "test_http_bounds.py" in told[0].__dict__["fields"]["place"]
    assert CANARY not in answer.text + "".join(f"{record.getMessage()} {record.__dict__}" for record in told)


def test_a_fault_is_told_as_problem_details(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call("GET", "/refused", monkeypatch)
    assert answer.status_code == 429
    assert answer.json() == {
        "type": "urn:isthmus:fault:E625", "title": "too much at once", "status": 429, "kind": "busy", "code": "E625",
        "text": "too much at once", "at": "here", "help": "later",
    }  # fmt: skip


def test_a_request_that_does_not_fit_names_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call("GET", "/number?n=x", monkeypatch)
    assert (answer.status_code, answer.json()["code"], answer.json()["at"]) == (400, "E904", "query.n")


def test_readiness_is_a_503_and_liveness_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("GET", "/readyz", monkeypatch).status_code == 503
    assert call("GET", "/livez", monkeypatch).status_code == 200


def test_an_operators_call_needs_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ({}, {"authorization": "Bearer the-tokex"}, {"authorization": "Basic the-token"}, {"authorization": "Bearer"}):
        answer = call("POST", "/admin/deploy", monkeypatch, headers=given)
        assert (answer.status_code, answer.json()["code"]) == (403, "E905")
    good = call("POST", "/admin/deploy", monkeypatch, headers={"authorization": "Bearer the-token"})
    assert good.json() == {"deployed": True, "findings": []}


def test_a_taken_port_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    import socket

    monkeypatch.setattr(http, "plugins", lambda group: {})
    site = Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        web = Web(site, Settings(tmp_path, http_port=taken.getsockname()[1]), ready, deployed)
        fault = asyncio.run(web.start())
    assert isinstance(fault, Fault)
    assert fault.code == "E913"
