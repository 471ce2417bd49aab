"""The sender against receivers that misbehave in every way: nothing is delivered unless its own answer says so."""

from __future__ import annotations

import asyncio

import pytest

from adapters.hl7v2.client import Link
from adapters.hl7v2.framing import wrap
from engine.fault import Fault
from tests.acceptance.mllp_peer import message
from tests.acceptance.mllp_receiver import Far, deliver, outcome, receiving


def test_a_swapped_answer_is_not_taken() -> None:
    async def swaps(far: Far) -> None:
        await far.message()
        far.ack(number="M7")
        await far.message()

    [found], _ = deliver(swaps)
    assert outcome(found) == "E148"


def test_a_foreign_answer_is_thrown_away_and_the_right_one_taken() -> None:
    async def chatters(far: Far) -> None:
        await far.message()
        far.ack("AE", "M0")
        far.ack("AA", "M1")
        await far.message()

    [found], _ = deliver(chatters)
    assert outcome(found) == "AA"


def test_a_late_answer_is_never_taken_for_the_next_message() -> None:
    async def late(far: Far) -> None:
        body = await far.message()
        await asyncio.sleep(0.3)
        far.ack(number="M2" if b"M1" in body else "M1")  # even one that would fit the next message
        await far.message()

    found, connections = deliver(late, 2, timeout=0.15)
    assert [outcome(one) for one in found] == ["E148", "E148"]
    assert connections == 2


def test_a_second_answer_does_not_answer_the_same_message_sent_again() -> None:
    async def main() -> list[str]:
        async def doubles(far: Far) -> None:
            await far.message()
            far.ack("AR", "M1")
            far.ack("AA", "M1")
            await far.writer.drain()
            await far.message()
            far.ack("AE", "M1")
            await far.message()

        async with receiving(doubles) as (port, _):
            link = Link("127.0.0.1", port)
            found = []
            for _ in range(2):
                reply = await link.ask(message("M1"), 1)
                assert isinstance(reply, Fault)
                found.append(reply.code)
                await asyncio.sleep(0.05)
            await link.close()
            return found

    assert asyncio.run(main()) == ["E139", "E138"]


@pytest.mark.parametrize(
    "answer",
    [
        wrap(b"MSH|^~\\&|EHR\rMSA|AA\r"),
        wrap(b"MSH|^~\\&|EHR\rMSA|AA|\r"),
        wrap(b"MSH|^~\\&|EHR\r"),
        wrap(b""),
        wrap(b"OK"),
        wrap(b"MSH|^~\\&|EHR\r" + b"NTE|1||" + b"x" * 10_000_000),
        b"\x0b" + b"x" * 2_000_000,
        b"HTTP/1.1 400 Bad Request\r\n" * 5000,
    ],
)
def test_an_answer_that_makes_no_sense_delivers_nothing_and_ends_the_connection(answer: bytes) -> None:
    async def odd(far: Far) -> None:
        await far.message()
        far.raw(answer)
        await far.message()

    found, connections = deliver(odd, 2, timeout=5)
    assert [outcome(one) for one in found] == ["E149", "E149"]
    assert connections == 2


def test_silence_is_a_time_out() -> None:
    async def silent(far: Far) -> None:
        await far.message()
        await far.message()

    [found], _ = deliver(silent)
    assert isinstance(found, Fault)
    assert (found.code, found.kind.answer.retry) == ("E148", True)


def test_an_answer_that_never_ends_is_a_time_out() -> None:
    async def endless(far: Far) -> None:
        await far.message()
        far.raw(b"\x0bMSH|^~\\&|EHR\rMSA|AA|M1\r")
        while True:
            far.raw(b"x")
            await far.writer.drain()
            await asyncio.sleep(0.02)

    [found], _ = deliver(endless)
    assert outcome(found) == "E148"


def test_a_receiver_that_closes_without_an_answer_has_not_taken_it() -> None:
    async def closes(far: Far) -> None:
        await far.message()

    found, connections = deliver(closes, 2)
    assert [outcome(one) for one in found] == ["E148", "E148"]
    assert connections == 2
