"""Attacks 13 to 16, 18 and 19, on who says what to whom: numbers used again, other facilities, answers that are spoofed."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2.client import Link
from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from adapters.safe_tls import Tls, client_context
from engine.fault import Fault
from tests.acceptance.certificates import Authority
from tests.acceptance.mllp_attacks.attacking import attack, held, told
from tests.acceptance.mllp_peer import Memory, block, connect, listening, message


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
