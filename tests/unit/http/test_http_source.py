"""A posted body is stored before it is answered, once per key, by whom it may; paths come and go while the server runs."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from adapters.hl7v2.format import Hl7v2
from adapters.http.form import posted
from adapters.http.routes import routes
from adapters.http.source import Http, Listener
from adapters.json_format import Json
from engine.fault import Fault, Kind
from engine.types import Outcome, Site, State
from fhir.format import Fhir
from tests.acceptance.mllp_peer import Memory, message, site

TOKEN = "a-long-enough-secret"
Talk = Callable[[httpx.AsyncClient], Awaitable[Any]]


def made(**settings: Any) -> Site:
    return replace(site(paths={}, **settings), formats={"hl7v2": Hl7v2(), "json": Json(), "fhir": Fhir()})


def client(place: Site, host: str = "127.0.0.1") -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(routes(place))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(host, 4711)), base_url="http://engine")


def talk(source: Http, what: Talk, intake: Memory | None = None, host: str = "127.0.0.1") -> Any:
    """Serves a source and talks to it."""

    async def main() -> Any:
        place = made()
        running = await source.serve("devices", place, intake or Memory())
        assert isinstance(running, Listener), running
        async with client(place, host) as one:
            return await what(one)

    return asyncio.run(main())


def post(path: str = "/in/devices", body: bytes = b'{"a": 1}', **headers: str) -> Talk:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda one: one.post(path, content=body, headers=named)


def test_a_body_is_answered_with_its_id_once_it_is_stored() -> None:
    intake = Memory()
    answer = talk(Http("devices", "json"), post(), intake)
    assert answer.status_code == 202
    [arrival] = intake.arrivals
    assert answer.json() == {"id": str(arrival.id), "state": "stored"}
    assert answer.headers["x-message-id"] == str(arrival.id)
    assert (arrival.channel, arrival.format, arrival.body, arrival.peer) == ("devices", "json", b'{"a": 1}', "127.0.0.1:4711")


def test_nothing_is_answered_before_it_is_stored() -> None:
    async def main() -> None:
        place, intake = made(), Memory()
        intake.may_store.clear()
        await Http("devices", "json").serve("devices", place, intake)
        async with client(place) as one:
            call = asyncio.create_task(one.post("/in/devices", content=b"{}"))
            for _ in range(50):
                await asyncio.sleep(0)
            assert not call.done()
            intake.may_store.set()
            assert (await call).status_code == 202

    asyncio.run(main())


def test_the_same_body_under_the_same_key_is_answered_as_the_first_was() -> None:
    async def twice(one: httpx.AsyncClient) -> list[httpx.Response]:
        return [await post(Idempotency_Key=key)(one) for key in ('"k-1"', "k-1", "k-2")]

    intake = Memory()
    first, second, third = talk(Http("devices", "json"), twice, intake)
    assert (first.status_code, first.json(), first.headers) == (second.status_code, second.json(), second.headers)
    assert third.json()["id"] != first.json()["id"]
    assert [(one.envelope.sender, one.envelope.control_id) for one in intake.arrivals] == [("devices", "k-1"), ("devices", "k-2")]


def test_a_key_belongs_to_whoever_bears_the_token() -> None:
    async def both(one: httpx.AsyncClient) -> None:
        for token in ("first-monitor-token", "second-monitor-token"):
            answer = await post(Idempotency_Key="k", Authorization=f"Bearer {token}")(one)
            assert answer.status_code == 202

    intake = Memory()
    talk(Http("devices", "json", tokens={"bed 1": "first-monitor-token", "bed 2": "second-monitor-token"}), both, intake)
    assert [one.envelope.sender for one in intake.arrivals] == ["bed 1", "bed 2"]


def test_a_resource_posted_again_after_a_change_is_no_duplicate() -> None:
    """A resource's id is no message's number: A, then B, then A again is three messages."""
    intake = Memory()

    async def thrice(one: httpx.AsyncClient) -> None:
        for active in (b"true", b"false", b"true"):
            body = b'{"resourceType": "Patient", "id": "p", "active": %s}' % active
            assert (await post("/in/devices", body)(one)).status_code == 202

    talk(Http("devices", "fhir"), thrice, intake)
    assert [one.envelope.control_id for one in intake.arrivals] == ["", "", ""]


def test_an_hl7_message_keeps_its_own_number_and_sender() -> None:
    intake = Memory()
    assert talk(Http("lab"), post("/in/lab", message("M1")), intake).status_code == 202
    [arrival] = intake.arrivals
    assert (arrival.envelope.control_id, arrival.envelope.sender) == ("M1", "LAB|HOSP")
    assert arrival.envelope.type.startswith("ORU^R01")


def test_the_result_is_in_the_answer_when_processed() -> None:
    intake = Memory()
    intake.outcome = Outcome(State.PROCESSED, (Fault(Kind.INCORRECT, "E121", "no structure"),), ("Observation/1",))
    answer = talk(Http("devices", "json", "when processed"), post(), intake)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["state"], told["resources"], told["faults"][0]["code"]) == ("processed", ["Observation/1"], "E121")
    assert UUID(told["id"]) == intake.arrivals[0].id


def test_a_message_that_is_held_is_answered_with_its_faults() -> None:
    intake = Memory()
    faults = (Fault(Kind.INCORRECT, "E402", "unknown code", "status", "map it"), Fault(Kind.INCORRECT, "E404", "no key"))
    intake.outcome = Outcome(State.HELD, faults)
    answer = talk(Http("devices", "json", "when processed"), post(), intake)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    told = answer.json()
    assert (told["code"], told["at"], told["state"]) == ("E402", "status", "held")
    assert [one["code"] for one in told["faults"]] == ["E402", "E404"]
    assert told["id"] == str(intake.arrivals[0].id)


def test_a_message_whose_work_takes_too_long_is_stored_all_the_same() -> None:
    intake = Memory()
    intake.outcome = Fault(Kind.INTERRUPTED, "E626", "later")
    answer = talk(Http("devices", "json", "when processed"), post(), intake)
    assert (answer.status_code, answer.json()["state"]) == (202, "stored")


def test_what_cannot_be_read_is_kept_and_refused() -> None:
    intake = Memory()
    answer = talk(Http("devices", "json"), post(body=b"not json"), intake)
    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (400, "E194", "held")
    assert intake.arrivals[0].fault is not None
    assert intake.arrivals[0].body == b"not json"


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


def test_several_files_of_a_form_are_one_archive_and_the_same_one_each_time() -> None:
    def form(*files: tuple[str, bytes]) -> bytes:
        head = b'--xy\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'
        return b"".join(head % name.encode() + body + b"\r\n" for name, body in files) + b"--xy--\r\n"

    two = form(("C:\\x\\r.hea", b"head"), ("../../r.dat", b"\r\n--x"))
    found = posted(two, "multipart/form-data; boundary=xy")
    assert isinstance(found, bytes)
    with zipfile.ZipFile(io.BytesIO(found)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"r.hea": b"head", "r.dat": b"\r\n--x"}
    assert posted(two, "multipart/form-data; boundary=xy") == found
    assert posted(form(("a", b"1"), ("b", b"")), "multipart/form-data; boundary=xy") == b"1"


def test_a_file_posted_as_a_form_is_the_message() -> None:
    head = b'--x"y\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    file = b'--x"y\r\nContent-Disposition: form-data; name="file"; filename="a.dcm"\r\nContent-Type: x/y\r\n\r\n\x00\r\n\r\nab\r\n--x"y--\r\n'
    mark = 'multipart/form-data; boundary=x"y'
    plain = head.replace(b'x"y', b"xy") + file.replace(b'x"y', b"xy")
    assert posted(plain, "multipart/form-data; boundary=xy") == b"\x00\r\n\r\nab"
    assert posted(plain, 'Multipart/Form-Data; boundary="xy"') == b"\x00\r\n\r\nab"
    assert posted(plain, "application/octet-stream") == plain
    for body, kind in ((head, "multipart/form-data; boundary=xy"), (plain, "multipart/form-data"), (b"", mark)):
        fault = posted(body, kind)
        assert isinstance(fault, Fault)
        assert fault.code == "E904"
