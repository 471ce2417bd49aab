"""Attacks 7 to 12, and 17, by what stands in a message: headers, character sets, escapes, floods, documents, injection."""

from __future__ import annotations

import time

import pytest

from adapters.hl7v2 import er7, render
from adapters.hl7v2.client import Link, Reply
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from engine.fault import Fault
from tests.acceptance.mllp_attacks.attacking import CANARY, attack, held, told
from tests.acceptance.mllp_peer import Memory, connect, message, msa


@pytest.mark.parametrize(
    "body",
    [
        b"MSH|^~",
        b"MSHAAAAAAAAAAAA",
        b"MSH|||||||",
        b"MSH||||^~\\&",
        b"MSH|^|~&|A",
        b"MSHM^~\\&MAM",
        b"MSH\r^~\\&\rLAB",
        b"MSH|^^^^|A",
    ],
)
def test_07_a_header_that_cannot_be_is_rejected_with_a_code(body: bytes) -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(wrap(body))
            answer = await peer.answer()
            assert answer is not None
            assert msa(answer)[0] == "AR"
            err = next(line for line in answer.split(b"\r") if line.startswith(b"ERR"))
            assert err.split(b"|")[3].split(b"^")[0] in (b"100", b"101", b"102", b"200")
        assert intake.bodies == [body]
        assert held(intake) != [""]

    attack(talk)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (message("M1", "ORU^R01", "PID|1||1||Müller", extra="||||||UNICODE UTF-8").decode().encode("latin-1"), "E114"),
        (message("M1", "ORU^R01", "PID|1||1||Müller").decode().encode("latin-1"), "E114"),
        (message("M1", "ORU^R01", "PID|1||1||Müller", extra="||||||KLINGON"), "E113"),
        (message("M1").decode().encode("utf-16"), "E114"),
        (message("M1", "ORU^R01", "PID|1||1||x", extra="||||||UNICODE UTF-8").replace(b"||x", b"||\xff\xed\xa0\x80"), "E114"),
    ],
)
def test_08_bytes_that_contradict_msh_18_are_kept_and_never_replaced(body: bytes, code: str) -> None:
    intake = told(body, "AR" if code == "E113" else "AE")
    assert intake.bodies[0] == body
    assert held(intake)[0] == code


def test_08_a_byte_order_mark_is_no_obstacle() -> None:
    body = b"\xef\xbb\xbf" + message("M1")
    assert told(body, "AA").bodies[0] == body


def test_09_control_characters_are_kept_and_reach_no_answer_and_no_envelope() -> None:
    name = f"{CANARY}\x00\x1b[31m\u202e\u200b"
    body = message("M\x001\x1b", "ORU^R01", f"PID|1||1||{name}", extra="||||||UNICODE UTF-8")

    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(wrap(body))
            answer = await peer.answer()
            assert answer is not None
            assert not set(answer) & {0, 0x1B}
        assert intake.bodies == [body]
        assert "\x00" not in str(intake.arrivals[0].envelope)

    attack(talk)


@pytest.mark.parametrize("bomb", ["\\X" + "41" * 500_000 + "\\", "\\" * 200_000, r"\F" * 100_000, "\\.sp999\\" * 50_000])
def test_10_escape_bombs_take_linear_time(bomb: str) -> None:
    body = message("M1", "ORU^R01", "OBR|1", f"OBX|1|ST|A||{bomb}")
    intake = told(body, "AA")
    start = time.process_time()
    scope = Hl7v2().parse(intake.bodies[0])
    path = Hl7v2().path("OBX-5", "ORU_R01", "")
    assert not isinstance(scope, Fault) and not isinstance(path, Fault)
    value = path.first(scope)
    assert value is not None
    assert len(getattr(value, "text", "")) < 6_000_000
    assert time.process_time() - start < 3


@pytest.mark.parametrize("flood", ["OBX|1|ST|A||x\r" * 50_000, "PID|1||" + "1~" * 200_000, "PID|1||" + "1^" * 200_000])
def test_11_floods_of_segments_repetitions_or_components_are_refused(flood: str) -> None:
    start = time.process_time()
    intake = told(message("M1", "ORU^R01", flood), "AE")
    assert held(intake)[0] == "E120"
    assert time.process_time() - start < 5


def test_12_a_huge_or_invalid_document_is_limited_and_not_unpacked() -> None:
    body = message("M1", "ORU^R01", "OBX|1|ED|A||^application^pdf^Base64^" + "!" * 1000)
    assert told(body, "AA").bodies[0] == body
    huge = message("M2", "ORU^R01", "OBX|1|ED|A||^application^pdf^Base64^" + "QUJD" * 5_500_000)
    assert held(told(huge, "AR")) == [""]  # only the honest message after it


def test_17_nothing_can_be_injected_into_what_is_sent() -> None:
    nasty = f"{CANARY}|x^y~z&w\\\rOBX|1|NM|fake||1\x1c\r\x0bMSH|^~\\&"
    built = render.message([("MSH", {3: nasty, 9: ["ORU", "R01"], 10: "M1", 11: "P", 12: "2.5"}), ("PID", {5: [[nasty, nasty]]})])
    assert isinstance(built, bytes)

    async def talk(listener: Listener, intake: Memory) -> None:
        link = Link("127.0.0.1", int(listener.address.rpartition(":")[2]))
        assert isinstance(await link.ask(built), Reply)
        await link.close()
        [body] = intake.bodies
        parsed = er7.parse(body)
        assert isinstance(parsed, Er7)
        assert [segment.name for segment in parsed.segments] == ["MSH", "PID"]
        assert (parsed.segments[0].value(3), parsed.segments[1].value(5, comp=2)) == (nasty, nasty)

    attack(talk)
