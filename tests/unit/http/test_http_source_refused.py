"""Who may call an HTTP source, and what it refuses or puts off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from http_source_talk import TOKEN, post, talk

from adapters.http.source import Http
from engine.fault import Fault, Kind
from tests.acceptance.mllp_peer import Memory


@pytest.mark.parametrize(
    ("options", "headers", "host", "status"),
    [
        ({"token": TOKEN}, {}, "127.0.0.1", 401),
        ({"token": TOKEN}, {"Authorization": "Bearer wrong"}, "127.0.0.1", 401),
        ({"token": TOKEN}, {"Authorization": f"bearer{TOKEN}"}, "127.0.0.1", 401),
        ({"token": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}, "10.0.0.7", 202),
        ({}, {}, "127.0.0.1", 202),
        ({}, {}, "::1", 202),
        ({}, {}, "10.0.0.7", 403),
        ({"anyone": True}, {}, "10.0.0.7", 202),
        ({"anyone": True, "allow": ("10.0.1.0/24",)}, {}, "10.0.0.7", 403),
        ({"anyone": True, "allow": ("10.0.0.0/24",)}, {}, "10.0.0.7", 202),
        ({"anyone": True, "allow": ("10.0.0.0/24",)}, {}, "::ffff:10.0.0.7", 202),
    ],
)
def test_who_may_call(options: dict[str, Any], headers: dict[str, str], host: str, status: int) -> None:
    intake = Memory()
    answer = talk(Http("devices", "json", **options), post(**headers), intake, host)
    assert answer.status_code == status
    assert len(intake.arrivals) == (status == 202)
    if status in (401, 403):
        assert answer.json()["code"] == "E741"
        assert TOKEN not in answer.text


def test_a_body_is_not_read_for_a_caller_who_is_not_known() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1000

    async def main(one: httpx.AsyncClient) -> httpx.Response:
        return await one.post("/in/devices", content=endless())

    assert talk(Http("devices", "json", token=TOKEN), main).status_code == 401
    assert read == 0


def test_a_body_that_is_too_large_is_cut_off_whatever_it_declares() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    intake = Memory()
    answer = talk(Http("devices", "json", max_body=5000), lambda one: one.post("/in/devices", content=endless()), intake)
    assert (answer.status_code, answer.json()["code"]) == (413, "E906")
    answer = talk(Http("devices", "json", max_body=5), post(), intake)
    assert (answer.status_code, answer.json()["code"]) == (413, "E906")
    assert intake.arrivals == []


def test_a_body_that_does_not_arrive_in_time_is_given_up() -> None:
    async def stalls() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = talk(Http("devices", "json", timeout=0.05), lambda one: one.post("/in/devices", content=stalls()))
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "E737", "2")


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    answer = talk(Http("devices", "json"), post(Idempotency_Key=key))
    assert (answer.status_code, answer.json()["at"]) == (400, "Idempotency-Key")


def test_an_empty_body_is_no_message() -> None:
    assert talk(Http("devices", "json"), post(body=b"")).json()["code"] == "E904"


def test_a_call_is_told_to_come_again_while_the_engine_is_behind_or_cannot_store() -> None:
    intake = Memory()
    intake.gate.clear()
    answer = talk(Http("devices", "json", crowded=0.01), post(), intake)
    assert (answer.status_code, answer.json()["code"], "retry-after" in answer.headers) == (429, "E100", True)
    intake.gate.set()
    intake.fault = Fault(Kind.UNAVAILABLE, "E620", "the database is away")
    answer = talk(Http("devices", "json"), post(), intake)
    assert (answer.status_code, answer.json()["code"]) == (503, "E620")
