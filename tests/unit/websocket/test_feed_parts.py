"""The parts of a feed that touch no socket: events as texts, a reader's bounded queue, what a channel publishes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.hl7v2.format import Hl7v2
from adapters.websocket.ask import Wanted
from adapters.websocket.destination import Websocket, about, summary
from adapters.websocket.event import LARGEST as LARGEST_EVENT
from adapters.websocket.event import choose, heartbeat, hello, told
from adapters.websocket.reader import LARGEST, MOST, Ended, Reader
from engine.channel.model import Channel, Delivery, Used
from engine.channel.parcels import compile_deliveries
from engine.fault import Fault
from engine.run import Plan, run
from engine.types import Envelope, Event, Message, Put, Site, Work
from engine.uuid7 import uuid7

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def row(number: int, body: str = '{"value":7.10}', topic: str = "labs", patient: str = "Patient/1") -> tuple[Any, ...]:
    return number, AT, topic, patient, "hospital", "Observation", "high", body


def test_an_event_is_one_json_text_with_the_digits_that_were_stored() -> None:
    found = told(row(7))
    assert '"data": {"value":7.10}' in found.text
    assert json.loads(found.text) == {
        "event_id": 7, "at": "2026-01-02T03:04:05+00:00", "topic": "labs", "patient": "Patient/1", "severity": "high",
        "data": {"value": 7.1},
    }  # fmt: skip


def test_a_body_that_is_too_large_is_left_out_and_the_event_says_so() -> None:
    found = json.loads(told(row(7, '"' + "x" * LARGEST_EVENT + '"')).text)
    assert found["event_id"] == 7
    assert found["data"] == {"channel": "hospital", "type": "Observation", "too_large": True}


def test_only_events_that_fit_are_told_in_their_order() -> None:
    events = [told(row(n, topic="labs" if n % 2 else "vitals")) for n in range(1, 6)]
    assert [json.loads(text)["event_id"] for text in choose(events, Wanted(frozenset({"labs"})))] == [1, 3, 5]


def test_the_greeting_and_the_heartbeat_carry_a_number_to_resume_from() -> None:
    assert json.loads(hello(Wanted(), 5, 2, False)) == {"hello": {"topics": ["*"], "oldest": 2, "missed": False}, "event_id": 5}
    assert json.loads(heartbeat(9)) == {"heartbeat": True, "event_id": 9}


def test_a_reader_gets_texts_in_order_and_is_cut_at_a_thousand_of_them() -> None:
    async def run() -> None:
        reader = Reader(Wanted())
        assert reader.offer(["a", "b"])
        assert [await reader.next(), await reader.next()] == ["a", "b"]
        assert reader.offer(["x"] * MOST)
        assert not reader.offer(["y"])
        assert len(reader) == 0  # nothing is kept for it
        with pytest.raises(Ended):
            await reader.next()
        assert reader.cut is not None
        assert reader.cut.code == "E759"
        assert not reader.offer(["z"])

    asyncio.run(run())


def test_a_reader_is_cut_at_a_megabyte_but_may_get_one_large_event() -> None:
    reader = Reader(Wanted())
    assert reader.offer(["x" * (LARGEST + 1)])
    assert not reader.offer(["y"])


def test_a_reader_that_is_cut_while_its_socket_is_full_is_got_out_of_there() -> None:
    reader, called = Reader(Wanted()), []
    reader.on_end = lambda: called.append(1)
    reader.sending = True
    reader.offer(["x"] * MOST)
    reader.offer(["y"])
    assert called == [1]


OBSERVATION = {
    "resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3", "display": "Potassium"}], "text": "Kalium"},
    "valueQuantity": {"value": Decimal("7.10"), "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    "interpretation": [{"coding": [{"code": "HH"}]}], "effectiveDateTime": "2026-01-02T03:04:05Z", "note": [{"text": "long"}],
}  # fmt: skip


def test_a_resource_is_published_in_short() -> None:
    assert summary(OBSERVATION) == {
        "type": "Observation", "resource": "Observation/o1", "status": "final", "at": "2026-01-02T03:04:05Z", "interpretation": ["HH"],
        "code": {"system": "http://loinc.org", "code": "2823-3", "text": "Kalium"},
        "value": {"value": Decimal("7.10"), "unit": "mmol/L", "code": "mmol/L"},
    }  # fmt: skip
    long = {"resourceType": "Observation", "id": "o", "valueString": "x" * 500}
    assert len(summary(long)["value"]) == 200


@pytest.mark.parametrize(
    ("body", "patient"),
    [
        ({"resourceType": "Patient", "id": "1"}, "Patient/1"),
        ({"resourceType": "Immunization", "patient": {"reference": "Patient/2"}}, "Patient/2"),
        ({"resourceType": "Observation", "subject": {"reference": "Device/3"}}, ""),
        ({"resourceType": "Organization"}, ""),
    ],
)
def test_whom_a_resource_is_about(body: dict[str, Any], patient: str) -> None:
    assert about(body) == patient


def work(*bodies: dict[str, Any]) -> Work:
    message = Message(uuid7(), 1, "hospital", "hl7v2", b"", AT, Envelope("ORU^R01"))
    return Work(message, puts=tuple(Put(body) for body in bodies))


def events(work: Work, **options: Any) -> tuple[Event, ...]:
    made = Websocket("labs", **options).feed("hospital")
    assert not isinstance(made, Fault)
    return made(work)


def test_a_message_is_published_as_its_resources_that_are_about_a_patient() -> None:
    given = work({"resourceType": "Patient", "id": "p1"}, {"resourceType": "Organization", "id": "x"}, OBSERVATION)
    found = events(given)
    assert [(event.topic, event.patient, event.body["type"]) for event in found] == [
        ("labs", "Patient/p1", "Patient"), ("labs", "Patient/p1", "Observation"),
    ]  # fmt: skip
    assert found[1].body["message"] == str(given.message.id)
    assert found[1].body["channel"] == "hospital"
    assert [event.body["type"] for event in events(given, types=("Observation",))] == ["Observation"]


def test_a_message_without_resources_is_one_event() -> None:
    (found,) = events(work())
    assert found.body["message_type"] == "ORU^R01"


def test_a_topic_that_is_no_name_is_refused_when_the_channel_is_read() -> None:
    made = Websocket("a b").feed("hospital")
    assert isinstance(made, Fault)
    assert made.code == "E762"


def deliveries(map: str = "", **options: Any) -> tuple[Any, list[Any]]:
    delivery = Delivery("board", Used("websocket", Websocket(**options)), map)
    site = Site({}, {}, {}, lambda: AT, uuid7)
    return compile_deliveries(Channel("hospital", "d", destinations=(delivery,)), site, Hl7v2(), ())


def test_a_channel_with_a_feed_publishes_and_queues_nothing() -> None:
    renders, found = deliveries(topic="labs")
    assert found == []
    plan = Plan("hospital", "d", Hl7v2(), (lambda _: work(OBSERVATION),), deliveries=renders)
    done = run(plan, replace(work().message, body=b"MSH|^~\\&|A|B|C|D|20260102||ORU^R01|1|P|2.5.1\r"))
    assert isinstance(done, Work)
    assert [event.body["type"] for event in done.events] == ["Observation"]
    assert done.parcels == ()


@pytest.mark.parametrize(("given", "code"), [({"topic": "labs", "map": "x"}, "E763"), ({"topic": "a b"}, "E762")])
def test_a_feed_that_cannot_be_is_found_when_the_channel_is_read(given: dict[str, Any], code: str) -> None:
    renders, found = deliveries(**given)
    assert renders == ()
    assert [one.code for one in found] == [code]
