"""A posted body is stored before it is answered, once per key."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx
from http_source_talk import client, made, post, talk

from adapters.http.source import Http
from engine.fault import Fault, Kind
from engine.types import Outcome, State
from tests.acceptance.mllp_peer import Memory, message


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
