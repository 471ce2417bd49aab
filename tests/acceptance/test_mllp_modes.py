"""What the listener answers, and when: original and enhanced mode, when stored and when processed."""

from __future__ import annotations

import asyncio

import pytest

from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from engine.types import Outcome, State
from tests.acceptance.mllp_peer import Memory, block, connect, message, msa
from tests.acceptance.mllp_talk import HELD, UNKNOWN, replies, run


def test_nothing_is_answered_before_it_is_stored() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.may_store.clear()
        async with await connect(listener) as peer:
            await peer.send(block("M1"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.reader.read(1), 0.2)
            intake.may_store.set()
            assert await peer.answers(1) == [("AA", "M1")]

    run(talk)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", [("AA", "M1")]),
        ("|||AL|NE", [("CA", "M1")]),
        ("|||AL|AL", [("CA", "M1")]),
        ("|||SU|", [("CA", "M1")]),
        ("|||NE|NE", []),
        ("|||ER|NE", []),
        ("|||NE|AL", [("AA", "M1")]),
        ("||||AL", [("AA", "M1")]),
    ],
)
def test_the_mode_is_the_one_the_message_asks_for(extra: str, expected: list[tuple[str, str]]) -> None:
    assert replies(block("M1", extra=extra), len(expected)) == expected


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", [("AR", "M1")]),
        ("|||AL|NE", [("CR", "M1")]),
        ("|||ER|NE", [("CR", "M1")]),
        ("|||SU|NE", []),
        ("|||NE|ER", [("AR", "M1")]),
        ("|||NE|SU", []),
    ],
)
def test_a_refusal_follows_the_mode_too(extra: str, expected: list[tuple[str, str]]) -> None:
    assert replies(block("M1", mode="T", extra=extra), len(expected)) == expected


def test_a_channel_may_force_the_mode() -> None:
    assert replies(block("M1"), 1, mode="enhanced") == [("CA", "M1")]
    assert replies(block("M1", extra="|||AL|AL"), 1, mode="original") == [("AA", "M1")]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome(State.PROCESSED), "AA"), (Outcome(State.FILTERED), "AA"), (HELD, "AE")],
)
def test_when_processed_the_answer_says_what_became_of_it(outcome: Outcome, code: str) -> None:
    assert replies(block("M1"), 1, outcome, acknowledge="when processed") == [(code, "M1")]


def test_what_is_filtered_may_be_answered_otherwise() -> None:
    outcome = Outcome(State.FILTERED)
    assert replies(block("M1"), 1, outcome, acknowledge="when processed", filtered="AR") == [("AR", "M1")]


def test_a_held_message_is_answered_with_its_errors() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.outcome = HELD
        async with await connect(listener) as peer:
            await peer.send(block("M1"))
            answer = await peer.answer()
            assert answer is not None
            assert b"ERR||OBX^1^11^1|" in answer
            assert b"E402^^ISTHMUS" in answer

    run(talk, acknowledge="when processed")


def test_enhanced_mode_answers_ca_at_once_and_aa_here_when_asked_so() -> None:
    data = block("M1", extra="|||AL|AL")
    assert replies(data, 1, acknowledge="when processed") == [("CA", "M1")]
    both = replies(data, 2, acknowledge="when processed", application_answers="here")
    assert both == [("CA", "M1"), ("AA", "M1")]


def test_what_is_not_settled_in_time_is_not_answered() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.outcome = UNKNOWN
        async with await connect(listener) as peer:
            await peer.send(block("M1"))
            assert await peer.is_closed()

    assert run(talk, acknowledge="when processed").bodies == [message("M1")]


def test_an_ack_is_stored_and_not_answered_unless_it_asks() -> None:
    ack = wrap(message("K1", "ACK^R01", "MSA|AA|M1"))
    assert replies(ack + block("M2"), 1) == [("AA", "M2")]
    asked = wrap(message("K1", "ACK^R01", "MSA|AA|M1", extra="|||AL|NE"))
    assert replies(asked, 1) == [("CA", "K1")]


def test_a_sequence_number_is_echoed() -> None:
    async def talk(listener: Listener, _: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(block("M1", extra="|17"))
            answer = await peer.answer()
            assert answer is not None
            assert b"MSA|AA|M1||17\r" in answer

    run(talk)


def test_answers_name_us_as_the_channel_says() -> None:
    async def talk(listener: Listener, _: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(block("M1"))
            answer = await peer.answer()
            assert answer is not None
            assert answer.startswith(rb"MSH|^~\&|ISTHMUS^1.2.3^ISO|HERE|LAB|HOSP|")
            assert msa(answer) == ("AA", "M1")

    run(talk, application="ISTHMUS^1.2.3^ISO", facility="HERE")
