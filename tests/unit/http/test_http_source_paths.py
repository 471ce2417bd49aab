"""Paths come and go while the server runs; each has one channel and options that can be used."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from http_source_talk import TOKEN, client, made, post

from adapters.http.source import Http
from engine.fault import Fault, Kind
from tests.acceptance.mllp_peer import Memory


def test_paths_come_and_go_while_the_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("adapters.http.source.time.monotonic", lambda: now)

    async def main() -> None:
        nonlocal now
        place, intake = made(), Memory()
        async with client(place) as one:
            assert (await post()(one)).json()["code"] == "E738"
            running = await Http("devices", "json").serve("devices", place, intake)
            assert not isinstance(running, Fault)
            assert (await post()(one)).status_code == 202
            await running.drain(1)
            assert (await post()(one)).json()["code"] == "E739"
            again = await Http("devices", "json", max_body=100).serve("devices", place, intake)
            assert not isinstance(again, Fault)
            assert (await post()(one)).status_code == 202
            await again.drain(1)
            now += 60
            answer = await post()(one)
            assert (answer.status_code, answer.json()["code"]) == (404, "E738")

    asyncio.run(main())


def test_a_call_in_flight_is_answered_before_its_path_is_gone() -> None:
    async def main() -> None:
        place, intake = made(), Memory()
        intake.may_store.clear()
        running = await Http("devices", "json").serve("devices", place, intake)
        assert not isinstance(running, Fault)
        async with client(place) as one:
            call = asyncio.create_task(post()(one))  # type: ignore[arg-type]
            while not place.settings["paths"]["devices"].flying:
                await asyncio.sleep(0)
            ending = asyncio.create_task(running.drain(30))
            await asyncio.sleep(0)
            assert not ending.done()
            intake.may_store.set()
            await ending
            assert (await call).status_code == 202

    asyncio.run(main())


def test_a_path_has_one_channel() -> None:
    async def main() -> Any:
        place = made()
        await Http("devices", "json").serve("one", place, Memory())
        return await Http("devices", "json").serve("two", place, Memory())

    found = asyncio.run(main())
    assert (found.code, found.kind) == ("E740", Kind.CONFLICT)


@pytest.mark.parametrize(
    "options",
    [
        {"path": ""},
        {"path": "/devices"},
        {"path": "a/../b"},
        {"path": "a//b"},
        {"path": "a b"},
        {"path": "a", "token": "short"},
        {"path": "a", "tokens": {"bed": ""}},
        {"path": "a", "allow": ("nowhere",)},
    ],
)
def test_options_that_cannot_be_used_are_told_at_the_start(options: dict[str, Any]) -> None:
    found = asyncio.run(Http(**options).serve("devices", made(), Memory()))
    assert isinstance(found, Fault)
    assert found.code == "E728"


def test_secrets_are_not_shown() -> None:
    assert TOKEN not in repr(Http("devices", token=TOKEN, tokens={"bed": TOKEN}))
