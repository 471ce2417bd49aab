"""What the listener notes of broken and impolite senders, and says of messages it cannot work, each by its code."""

from __future__ import annotations

import logging

import pytest

from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from engine.types import Outcome, State
from tests.acceptance.mllp_peer import Memory, connect, message, msa
from tests.acceptance.mllp_talk import run


def noted(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {record.__dict__["fields"].get("code", "") for record in caplog.records if "fields" in record.__dict__}


@pytest.mark.parametrize("ends", ["late", "closed"])
def test_a_block_that_does_not_end_is_noted_and_stores_nothing(ends: str, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(b"\x0b" + message("M1")[:-20])
            if ends == "closed":
                peer.writer.write_eof()
            assert await peer.is_closed()

    with caplog.at_level(logging.INFO):
        assert run(talk, frame_timeout=0.2 if ends == "late" else 30.0).bodies == []
    assert "E104" in noted(caplog)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (message(""), "E143"),
        (message("M1", "ORU^R01", "PID|1||1", "DSC|next|F"), "E145"),
        (message("M1").replace(b"|2.5.1\r", b"|2.5.1||continued\r"), "E145"),
    ],
)
def test_a_message_that_cannot_be_worked_is_kept_with_its_code_and_answered_ae(body: bytes, code: str) -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(wrap(body))
            answer = await peer.answer()
            assert msa(answer)[0] == "AE"
            assert code.encode() in (answer or b"")

    [arrival] = run(talk).arrivals
    assert arrival.body == body
    assert arrival.fault is not None
    assert arrival.fault.code == code


def test_a_held_message_without_faults_is_answered_ae_all_the_same() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.outcome = Outcome(State.HELD)
        async with await connect(listener) as peer:
            await peer.send(wrap(message("M1")))
            answer = await peer.answer()
            assert msa(answer)[0] == "AE"
            assert b"E147" in (answer or b"")

    run(talk, acknowledge="when processed")
