"""Through a real socket: every probe that existing engines were tried with, answered rightly.

The right answers: every frame found and answered in order, nothing merged, nothing lost, bytes kept, an answer for whatever arrives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.hl7v2.framing import wrap
from tests.acceptance.mllp_peer import Memory, Peer, block, connect, listening, message, msa

Talk = Callable[[Peer, Memory], Awaitable[None]]


def run(talk: Talk, **options: Any) -> Memory:
    async def main() -> Memory:
        intake = Memory()
        async with listening(intake, **options) as listener, await connect(listener) as peer:
            await talk(peer, intake)
        return intake

    return asyncio.run(main())


def exchange(data: bytes, expected: list[tuple[str, str]], **options: Any) -> Memory:
    """Sends bytes, expects these answers in this order, and that nothing else follows."""

    async def talk(peer: Peer, _: Memory) -> None:
        await peer.send(data)
        assert await peer.answers(len(expected)) == expected
        peer.writer.write_eof()
        assert await peer.is_closed()

    return run(talk, **options)


def test_a_message_sent_byte_by_byte_is_answered_once() -> None:
    async def talk(peer: Peer, _: Memory) -> None:
        for byte in block("M1"):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await peer.answers(1) == [("AA", "M1")]

    assert run(talk).bodies == [message("M1")]


def test_fs_and_cr_in_packets_of_their_own() -> None:
    async def talk(peer: Peer, _: Memory) -> None:
        for part in (block("M1")[:-2], b"\x1c", b"\r"):
            await peer.send(part)
            await asyncio.sleep(0.01)
        assert await peer.answers(1) == [("AA", "M1")]

    assert run(talk).bodies == [message("M1")]


def test_three_frames_in_one_write_are_answered_in_order() -> None:
    data = block("P1") + block("P2") + block("P3")
    assert exchange(data, [("AA", "P1"), ("AA", "P2"), ("AA", "P3")]).bodies == [message("P1"), message("P2"), message("P3")]


def test_cr_lf_before_the_start_block_is_skipped() -> None:
    assert exchange(b"\r\n" + block("M1"), [("AA", "M1")]).bodies == [message("M1")]


def test_lf_after_the_end_block_harms_neither_frame() -> None:
    assert exchange(block("M1") + b"\n" + block("M2"), [("AA", "M1"), ("AA", "M2")]).bodies == [message("M1"), message("M2")]


def test_fs_without_cr_then_the_next_frame_are_two_messages() -> None:
    assert exchange(block("M1")[:-1] + block("M2"), [("AA", "M1"), ("AA", "M2")]).bodies == [message("M1"), message("M2")]


def test_fs_without_cr_and_then_silence_is_answered() -> None:
    async def talk(peer: Peer, _: Memory) -> None:
        await peer.send(block("M1")[:-1])
        assert await peer.answers(1) == [("AA", "M1")]
        await peer.send(b"\r" + block("M2"))
        assert await peer.answers(1) == [("AA", "M2")]

    assert run(talk).bodies == [message("M1"), message("M2")]


@pytest.mark.parametrize("odd", ["\x1c", "\x0b"])
def test_a_block_character_in_the_payload_is_kept(odd: str) -> None:
    body = message("M1", "ORU^R01", f"OBX|1|ST|A||a{odd}b")
    assert exchange(wrap(body), [("AA", "M1")]).bodies == [body]


def test_half_a_message_then_a_new_one_are_not_merged() -> None:
    intake = exchange(b"\x0b" + message("M1")[:60] + block("M2"), [("AA", "M2")])
    stored = {arrival.body: arrival.fault.code if arrival.fault else "" for arrival in intake.arrivals}
    assert stored == {message("M2"): "", message("M1")[:60]: "E102"}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_segments_may_end_in_lf_or_crlf(end: bytes) -> None:
    body = message("M1").replace(b"\r", end)
    assert exchange(wrap(body), [("AA", "M1")]).bodies == [body]


@pytest.mark.parametrize(("body", "code"), [(b"", "E110"), (b"hello world", "E111"), (b"MSH", "E112"), (b"\r\n\r\n", "E110")])
def test_what_is_no_message_is_stored_and_answered(body: bytes, code: str) -> None:
    expected = "AE" if code == "E110" else "AR"
    intake = exchange(wrap(body) + block("M2"), [(expected, ""), ("AA", "M2")])
    first = intake.arrivals[0]
    assert first.fault is not None
    assert (first.body, first.fault.code) == (body, code)


def test_a_missing_control_id_is_not_invented() -> None:
    intake = exchange(block(""), [("AE", "")])
    assert intake.arrivals[0].fault is not None
    assert exchange(block(""), [("AA", "")], control_id="optional").arrivals[0].fault is None


def test_latin_1_declared_in_msh_18_is_kept_byte_for_byte() -> None:
    body = message("M1", "ORU^R01", "PID|1||1||Müller", extra="||||||8859/1").decode().encode("latin-1")
    intake = exchange(wrap(body), [("AA", "M1")])
    assert intake.bodies == [body]
    assert b"M\xfcller" in intake.bodies[0]


def test_utf_8_of_several_bytes_is_kept() -> None:
    body = message("M1", "ORU^R01", "PID|1||1||Łódź 漢字", extra="||||||UNICODE UTF-8")
    assert exchange(wrap(body), [("AA", "M1")]).bodies == [body]


def test_other_delimiters_are_answered_in_their_own() -> None:
    body = b"MSH$@!\\*$LAB$HOSP$EHR$HOSP$2024$$ORU@R01$M1$P$2.5\rPID$1\r"

    async def talk(peer: Peer, _: Memory) -> None:
        await peer.send(wrap(body))
        answer = await peer.answer()
        assert answer is not None
        assert answer.startswith(b"MSH$@!\\*$EHR$HOSP$LAB$HOSP$")
        assert msa(answer) == ("AA", "M1")

    assert run(talk).bodies == [body]


def test_a_batch_of_two_is_answered_by_a_batch_of_two() -> None:
    data = rb"FHS|^~\&|A|B" + b"\r" + rb"BHS|^~\&|A|B|||||||B7" + b"\r" + message("M1") + message("M2") + b"BTS|2\rFTS|1\r"

    async def talk(peer: Peer, _: Memory) -> None:
        await peer.send(wrap(data))
        answer = await peer.answer()
        assert answer is not None
        lines = answer.split(b"\r")
        assert [line[:3] for line in lines if line] == [b"FHS", b"BHS", b"MSH", b"MSA", b"MSH", b"MSA", b"BTS", b"FTS"]
        assert [line for line in lines if line.startswith((b"MSA", b"BTS"))] == [b"MSA|AA|M1", b"MSA|AA|M2", b"BTS|2"]
        assert lines[1].endswith(b"|B7")

    assert run(talk).bodies == [message("M1"), message("M2")]


def test_a_batch_that_lost_a_message_has_no_effect() -> None:
    data = rb"BHS|^~\&|A|B" + b"\r" + message("M1") + b"BTS|2\r"

    async def talk(peer: Peer, _: Memory) -> None:
        await peer.send(wrap(data))
        answer = await peer.answer()
        assert answer is not None
        assert b"MSA|AE|M1" in answer

    [arrival] = run(talk).arrivals
    assert arrival.fault is not None
    assert (arrival.body, arrival.fault.code) == (message("M1"), "E144")


def test_two_messages_in_one_frame_are_both_stored_and_both_answered() -> None:
    assert exchange(wrap(message("M1") + message("M2")), [("AA", "M1"), ("AA", "M2")]).bodies == [message("M1"), message("M2")]


def test_an_observation_of_a_megabyte_passes() -> None:
    body = message("M1", "ORU^R01", "OBX|1|ED|A||^application^pdf^Base64^" + "QUJD" * 262144)
    assert exchange(wrap(body), [("AA", "M1")]).bodies == [body]


def test_the_same_message_twice_is_answered_twice_and_kept_once() -> None:
    assert exchange(block("M1") * 2, [("AA", "M1"), ("AA", "M1")]).bodies == [message("M1")]


def test_the_same_control_id_with_other_bytes_is_another_message() -> None:
    other = message("M1", "ORU^R01", "PID|1||999")
    assert exchange(block("M1") + wrap(other), [("AA", "M1"), ("AA", "M1")]).bodies == [message("M1"), other]
