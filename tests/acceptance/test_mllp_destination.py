"""The MLLP destination: each answer's outcome, connections, bytes on the wire, options."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.hl7v2.client import Link, Reply, send
from adapters.hl7v2.destination import Mllp, for_wire
from engine.fault import Fault, Kind
from tests.acceptance.mllp_peer import Memory, listening, message, site
from tests.acceptance.mllp_receiver import Far, deliver, outcome, parcel, receiving


def test_messages_share_one_connection() -> None:
    async def honest(far: Far) -> None:
        while body := await far.message():
            far.ack(number=body.split(b"|")[9].decode())

    found, connections = deliver(honest, 3)
    assert [(one["code"], one["control_id"]) for one in found] == [("AA", "M1"), ("AA", "M2"), ("AA", "M3")]
    assert connections == 1


@pytest.mark.parametrize(
    ("code", "expected", "kind"),
    [
        ("AE", "E138", Kind.INCORRECT),
        ("CE", "E138", Kind.INCORRECT),
        ("AR", "E139", Kind.UNAVAILABLE),
        ("CR", "E139", Kind.UNAVAILABLE),
        ("XX", "E149", Kind.INTERRUPTED),
        ("", "E149", Kind.INTERRUPTED),
    ],
)
def test_each_code_has_its_outcome(code: str, expected: str, kind: Kind) -> None:
    async def answers(far: Far) -> None:
        await far.message()
        far.ack(code)

    [found], _ = deliver(answers)
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == (expected, kind)


def test_a_connection_closed_between_messages_is_made_anew() -> None:
    async def one_each(far: Far) -> None:
        body = await far.message()
        far.ack(number=body.split(b"|")[9].decode())

    async def main() -> list[str]:
        async with receiving(one_each) as (port, connections):
            link = Link("127.0.0.1", port)
            codes = []
            for n in (1, 2, 3):
                reply = await link.ask(message(f"M{n}"), 2)
                codes.append(reply.code)
                await asyncio.sleep(0.05)
            await link.close()
            assert len(connections) == 3
            return codes

    assert asyncio.run(main()) == ["AA", "AA", "AA"]


def test_no_receiver_is_told_with_its_address() -> None:
    async def main() -> Any:
        sender = await Mllp("tcp:127.0.0.1:1", connect_timeout=1).open(site())
        assert not isinstance(sender, Fault)
        return await sender.send(parcel("M1"))

    found = asyncio.run(main())
    assert (found.code, found.kind, found.at) == ("E109", Kind.UNAVAILABLE, "127.0.0.1:1")


def test_a_message_without_control_id_is_not_sent() -> None:
    async def main() -> Any:
        return await Link("127.0.0.1", 1).ask(message(""))

    found = asyncio.run(main())
    assert found.code == "E129"


def test_our_own_listener_answers_our_own_sender() -> None:
    async def main() -> list[str]:
        intake = Memory()
        async with listening(intake) as listener:
            port = int(listener.address.rpartition(":")[2])
            bodies = [message(f"M{n}") for n in range(5)]
            codes = [reply.code async for reply in send("127.0.0.1", port, bodies) if isinstance(reply, Reply)]
            assert intake.bodies == bodies
            return codes

    assert asyncio.run(main()) == ["AA"] * 5


def test_a_block_character_in_the_message_is_escaped_on_the_wire() -> None:
    assert for_wire(message("M1", "ORU^R01", "OBX|1|ST|A||a\x1c\rNTE|\x0b"), "").count(b"\x1c") == 0  # type: ignore[union-attr]
    body = for_wire(message("M1", "ORU^R01", "OBX|1|ST|A||a\x1cb"), "")
    assert isinstance(body, bytes)
    assert b"a\\X1C\\b" in body


def test_a_message_is_written_in_the_receivers_character_set() -> None:
    body = for_wire(message("M1", "ORU^R01", "PID|1||1||Müller", extra="||||||UNICODE UTF-8"), "8859/1")
    assert isinstance(body, bytes)
    assert b"||||||8859/1\rPID|1||1||M\xfcller\r" in body
    found = for_wire(message("M1", "ORU^R01", "PID|1||1||漢", extra="||||||UNICODE UTF-8"), "8859/1")
    assert isinstance(found, Fault)
    assert found.code == "E136"


def test_wrong_options_are_told_before_anything_is_sent() -> None:
    async def main() -> list[Any]:
        return [await Mllp("nowhere").open(site()), await Mllp("tcp:a:1", charset="UNICODE UTF-16").open(site())]

    assert [outcome(one) for one in asyncio.run(main())] == ["E107", "E113"]
