"""Twenty attacks on the HL7 v2 side, each through a real socket.

For all of them: the listener stays up and serves others, memory stays flat, and no patient's value reaches a log or an answer's words.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2 import er7, render
from adapters.hl7v2.client import Link, Reply
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from adapters.safe_tls import Tls, client_context
from engine.fault import Fault
from tests.acceptance.certificates import Authority
from tests.acceptance.mllp_peer import Memory, block, connect, listening, message, msa

CANARY = "Canary-Smith-987654321"
Talk = Callable[[Listener, Memory], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_patient_in_logs(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.records:
        assert CANARY not in f"{record.getMessage()} {record.__dict__}"


def attack(talk: Talk, **options: Any) -> Memory:
    """Runs an attack, then checks that an honest sender is served within a second."""

    async def main() -> Memory:
        intake = Memory()
        async with listening(intake, **options) as listener:
            await asyncio.wait_for(talk(listener, intake), 60)
            start = time.monotonic()
            async with await connect(listener) as peer:
                await peer.send(block("HONEST"))
                assert await peer.answers(1) == [("AA", "HONEST")]
            assert time.monotonic() - start < 1
        return intake

    return asyncio.run(main())


def told(body: bytes, expected: str, **options: Any) -> Memory:
    """Sends one body and expects this MSA-1; the answer's words hold no patient's value."""

    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(wrap(body))
            answer = await peer.answer()
            assert msa(answer)[0] == expected
            assert answer is not None
            assert CANARY.encode() not in answer
            assert b"\xef\xbf\xbd" not in answer

    return attack(talk, **options)


def held(intake: Memory) -> list[str]:
    return [arrival.fault.code if arrival.fault else "" for arrival in intake.arrivals]


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_01_garbage_before_a_block_is_skipped_and_too_much_of_it_closes() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"\r\n\x00" * 50_000 + block("M1"))
            assert await peer.answers(1) == [("AA", "M1")]
        async with await connect(listener) as peer:
            await peer.send(b"A" * 70_000)
            assert await peer.is_closed()
        assert intake.bodies == [message("M1")]

    attack(talk)


def test_02_a_block_that_trickles_is_cut_at_its_deadline() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(b"\x0b")
            with pytest.raises((ConnectionError, RuntimeError)):  # uvloop tells of a closed transport by a RuntimeError
                for byte in message("M1" * 500):
                    await peer.send(bytes([byte]))
                    await asyncio.sleep(0.02)
        assert not listener.ledger.open
        assert not intake.arrivals

    attack(talk, frame_timeout=0.4)


def test_03_a_block_without_end_is_cut_at_the_limit_and_memory_stays_flat() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        before = memory()
        async with await connect(listener) as peer:
            await peer.send(b"\x0b" + message("BIG"))
            sent = 0
            try:
                while sent < 300_000_000:
                    await asyncio.wait_for(peer.send(CANARY.encode() * 5000), 10)
                    sent += 5000 * len(CANARY)
            except (ConnectionError, TimeoutError):
                pass
            assert await peer.answers(1) == [("AR", "BIG")]
        assert memory() - before < 60_000_000
        assert not intake.arrivals

    attack(talk, max_frame=2_000_000)


def test_04_one_host_cannot_take_every_connection() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        peers = [await connect(listener) for _ in range(300)]
        await asyncio.sleep(0.1)
        assert len(listener.ledger.open) == 20
        assert listener.ledger.refused == 280
        async with await connect(listener, local_addr=("127.0.0.2", 0)) as other:
            await other.send(block("M1"))
            assert await other.answers(1) == [("AA", "M1")]
        for peer in peers:
            peer.writer.close()
        while listener.ledger.open:
            await asyncio.sleep(0.01)

    attack(talk, max_connections_per_peer=20)


def test_05_blocks_cut_and_joined_in_every_way_give_each_message_once() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        stream = block("M1")[:-1] + block("M2") + wrap(message("M3", "ORU^R01", "OBX|1|ST|A||\x1c-\x0b")) + block("M4")
        async with await connect(listener) as peer:
            for byte in stream:
                await peer.send(bytes([byte]))
            assert await peer.answers(4) == [("AA", f"M{n}") for n in (1, 2, 3, 4)]
        assert len(intake.bodies) == 4

    attack(talk)


def test_06_a_thousand_messages_without_reading_answers_stay_in_order_and_bounded() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            sending = asyncio.create_task(peer.send(b"".join(block(f"M{n}") for n in range(1000))))
            await asyncio.sleep(0.2)
            assert await peer.answers(1000) == [("AA", f"M{n}") for n in range(1000)]
            await sending
        assert [arrival.envelope.control_id for arrival in intake.arrivals] == [f"M{n}" for n in range(1000)]
        assert max(intake.batches) <= 2000

    attack(talk)


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


def test_13_a_control_id_used_again_for_other_content_keeps_both() -> None:
    other = message("M1", "ORU^R01", "PID|1||other")

    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(block("M1") + wrap(other))
            assert await peer.answers(2) == [("AA", "M1"), ("AA", "M1")]
        assert intake.bodies == [message("M1"), other]

    attack(talk)


def test_14_a_certificate_cannot_speak_for_another_facility(tmp_path: Path) -> None:
    ca = Authority(tmp_path, "ca")
    cert, key = ca.issue("127.0.0.1")
    mine, secret = ca.issue("lab.example")
    tls = Tls(cert, key, ca.file)

    async def main() -> tuple[list[tuple[str, str]], list[str]]:
        intake = Memory()
        async with listening(intake, tls=tls, senders={"lab.example": ("LAB|HOSP",)}) as listener:
            context = client_context(Tls(mine, secret, ca.file))
            assert isinstance(context, ssl.SSLContext)
            async with await connect(listener, ssl=context) as peer:
                stolen = message("M2").replace(b"LAB|HOSP", b"PHARMACY|HOSP")
                await peer.send(block("M1") + wrap(stolen))
                return await peer.answers(2), held(intake)

    assert asyncio.run(main()) == ([("AA", "M1"), ("AR", "M2")], ["", "E146"])


def test_15_a_patient_number_that_says_nothing_is_no_patient_number() -> None:
    hl7, path = Hl7v2(), Hl7v2().path("PID-3", "ORU_R01", "")
    assert not isinstance(path, Fault)
    for field, number, deletes in (("", 0, False), ('""', 0, True), ("7^^^A~7^^^B", 2, False)):
        intake = told(message("M1", "ORU^R01", f"PID|1||{field}"), "AA")
        scope = hl7.parse(intake.bodies[0])
        assert not isinstance(scope, Fault)
        assert (len(path.all(scope)), path.null(scope)) == (number, deletes)


def test_16_yesterdays_message_is_a_duplicate_and_odd_times_change_no_order() -> None:
    far = message("M2").replace(b"20240102030405", b"20990101000000")
    none = message("M3").replace(b"20240102030405", b"")

    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(block("M1") + wrap(far) + wrap(none) + block("M1"))
            assert await peer.answers(4) == [("AA", "M1"), ("AA", "M2"), ("AA", "M3"), ("AA", "M1")]
        assert intake.bodies == [message("M1"), far, none]

    attack(talk)


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


def test_18_a_spoofed_answer_delivers_nothing() -> None:
    async def spoof(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(wrap(b"MSH|^~\\&|X\rMSA|AA|OTHER\r") * 1000)
        await writer.drain()
        writer.close()

    async def main() -> Any:
        server = await asyncio.start_server(spoof, "127.0.0.1", 0)
        link = Link("127.0.0.1", server.sockets[0].getsockname()[1])
        found = await link.ask(message("M1"), 2)
        await link.close()
        server.close()
        return found

    found = asyncio.run(main())
    assert isinstance(found, Fault)
    assert found.code == "E148"


@pytest.mark.parametrize("mode", ["T", "D", "X", "T^A"])
def test_19_test_messages_never_mix_with_production(mode: str) -> None:
    assert held(told(message("M1", mode=mode), "AR"))[0] == "E140"


def test_19_a_test_channel_takes_only_test_messages() -> None:
    async def main() -> list[tuple[str, str]]:
        async with listening(Memory(), processing=("T",)) as listener, await connect(listener) as peer:
            await peer.send(block("M1", mode="T") + block("M2", mode="P"))
            return await peer.answers(2)

    assert asyncio.run(main()) == [("AA", "M1"), ("AR", "M2")]


def _client(ca: str, cert: tuple[str, str] | None = None) -> ssl.SSLContext:
    context = client_context(Tls(*(cert or ("", "")), ca))
    assert isinstance(context, ssl.SSLContext)
    return context


def _outdated(ca: str, cert: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_verify_locations(ca)
    context.load_cert_chain(*cert)
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _weak(ca: str, cert: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    context.load_cert_chain(*cert)
    context.set_ciphers("eNULL:AES128-SHA:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_20_only_a_certificate_of_the_right_authority_and_name_gets_in(tmp_path: Path) -> None:
    ca, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    cert, key = ca.issue("127.0.0.1")
    good, wrong_name, expired, foreign = (
        ca.issue("lab.example"),
        ca.issue("cafeteria.example"),
        ca.issue("lab.example", days=-1),
        other.issue("lab.example"),
    )
    contexts = {
        "good": _client(ca.file, good),
        "no certificate": _client(ca.file),
        "expired": _client(ca.file, expired),
        "another authority": _client(ca.file, foreign),
        "another name": _client(ca.file, wrong_name),
        "TLS 1.1": _outdated(ca.file, good),
        "weak ciphers": _weak(ca.file, good),
        "plain text": None,
    }

    async def attempt(listener: Listener, context: ssl.SSLContext | None) -> str:
        try:
            async with await connect(listener, ssl=context) as peer:
                await peer.send(block("M1"))
                answer = await peer.answer()
                return msa(answer)[0] if answer else "closed"
        except (OSError, ssl.SSLError):
            return "closed"

    async def main() -> dict[str, str]:
        tls = Tls(cert, key, ca.file, names=("lab.example",))
        async with listening(Memory(), tls=tls, handshake_timeout=2.0) as listener:
            return {name: await attempt(listener, context) for name, context in contexts.items()}

    assert asyncio.run(main()) == {name: "AA" if name == "good" else "closed" for name in contexts}


def test_20_a_sender_checks_the_receivers_name_and_authority(tmp_path: Path) -> None:
    ca, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    right, wrong = ca.issue("127.0.0.1"), ca.issue("elsewhere.example")

    async def attempt(server: tuple[str, str], authority: str, name: str = "") -> str:
        async with listening(Memory(), tls=Tls(*server)) as listener:
            link = Link("127.0.0.1", int(listener.address.rpartition(":")[2]), _client(authority), name)
            found = await link.ask(message("M1"), 5)
            await link.close()
            return found.code

    async def main() -> list[str]:
        return [
            await attempt(right, ca.file),
            await attempt(wrong, ca.file),
            await attempt(wrong, ca.file, "elsewhere.example"),
            await attempt(right, other.file),
        ]

    assert asyncio.run(main()) == ["AA", "E109", "AA", "E109"]
