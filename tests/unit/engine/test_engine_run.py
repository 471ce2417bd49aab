"""The engine in ten lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from engine.fault import Fault, Kind
from engine.run import Plan, run
from engine.types import FILTERED, Envelope, Message, Put, Work
from engine.uuid7 import uuid7

BAD = Fault(Kind.INCORRECT, "E901", "no")


class Text:
    """A format for these tests: the scope is the text."""

    name = "text"

    def parse(self, body: bytes) -> Any:
        return BAD if body.startswith(b"?") else body.decode()

    def envelope(self, body: bytes) -> Envelope:
        return Envelope()

    def path(self, text: str, structure: str, group: str) -> Any:
        return BAD


def message(body: bytes = b"hello") -> Message:
    return Message(uuid7(), 1, "lab", "text", body, datetime.now(UTC), Envelope())


def note(work: Work) -> Work:
    return replace(work, puts=(*work.puts, Put({"resourceType": "Basic", "id": str(len(work.puts)), "text": work.document})))


def plan(*steps: Any, **more: Any) -> Plan:
    return Plan("lab", "0" * 64, Text(), steps, **more)


def test_steps_run_in_order_each_on_what_the_last_one_left() -> None:
    done = run(plan(note, note), message())
    assert isinstance(done, Work)
    assert [put.body["id"] for put in done.puts] == ["0", "1"]


def test_a_body_that_cannot_be_parsed_gives_its_fault_and_no_step_runs() -> None:
    assert run(plan(note), message(b"?")) == (BAD,)


def test_what_the_channel_does_not_accept_is_filtered() -> None:
    assert run(plan(note, accepts=lambda scope: scope == "other"), message()) is FILTERED


def test_a_faulty_step_ends_the_run() -> None:
    ran = []
    assert run(plan(lambda work: BAD, ran.append), message()) == (BAD,)
    assert not ran


def test_several_faults_of_one_step_are_kept() -> None:
    assert run(plan(lambda work: (BAD, BAD)), message()) == (BAD, BAD)


def test_a_bug_in_a_step_becomes_a_fault_that_names_its_place_and_no_data() -> None:
    def broken(work: Work) -> Work:
        raise ValueError(work.document)

    (fault,) = run(plan(broken), message(b"Jane Doe"))  # type: ignore[misc]
    assert fault.code == "E290"
    assert "ValueError" in fault.text
    assert "Jane" not in str(fault) + fault.at + fault.help
    assert "test_engine_run.py" in fault.at


def test_endless_recursion_in_a_step_is_held_like_any_bug() -> None:
    def deep(work: Work) -> Work:
        return deep(work)

    (fault,) = run(plan(deep), message())  # type: ignore[misc]
    assert fault.code == "E290"
