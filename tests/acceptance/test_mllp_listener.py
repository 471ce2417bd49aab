"""What the listener takes and what it refuses: types, versions, fragments, a database that is away, addresses and options."""

from __future__ import annotations

import asyncio

import pytest

from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from adapters.hl7v2.source import Mllp, parse_address
from engine.fault import Fault, Kind
from tests.acceptance.mllp_peer import Memory, block, connect, message, site
from tests.acceptance.mllp_talk import UNKNOWN, replies, run

AWAY = Fault(Kind.UNAVAILABLE, "E620", "the database is away")


def test_while_the_database_is_away_messages_are_refused_to_be_sent_again() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.fault = AWAY
        async with await connect(listener) as peer:
            await peer.send(block("M1") + block("M2", extra="|||AL|NE"))
            assert await peer.answers(2) == [("AR", "M1"), ("CE", "M2")]
            intake.fault = None
            await peer.send(block("M1"))
            assert await peer.answers(1) == [("AA", "M1")]

    assert run(talk).bodies == [message("M1")]


def test_an_unknown_outcome_is_never_answered() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.fault = UNKNOWN
        async with await connect(listener) as peer:
            await peer.send(block("M1") + block("M2"))
            assert await peer.is_closed()

    run(talk)


def test_a_fragment_is_held_and_answered_ae() -> None:
    data = wrap(message("M1", "ORU^R01", "PID|1", "DSC|next|F"))
    assert replies(data, 1) == [("AE", "M1")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (message("M1", ""), "E142"),
        (message("M1").replace(b"|2.5.1", b"|3.0"), "E141"),
        (message("M1", "ADT^A01"), "E142"),
    ],
)
def test_a_type_or_version_that_is_not_taken_is_rejected_and_kept(body: bytes, code: str) -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(wrap(body))
            assert await peer.answers(1) == [("AR", "M1")]

    [arrival] = run(talk, types=("ORU^*",)).arrivals
    assert arrival.fault is not None
    assert arrival.fault.code == code


@pytest.mark.parametrize(("type", "code"), [("XXX^Y99", "AR"), ("ZLB^Z01", "AA"), ("DFT^P03", "AA"), ("QRY", "AA")])
def test_a_type_that_hl7_does_not_have_is_rejected_unless_it_is_local(type: str, code: str) -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(wrap(message("M1", type)))
            assert await peer.answers(1) == [(code, "M1")]

    assert len(run(talk).arrivals) == 1


def test_blocks_sent_together_are_stored_together() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.may_store.clear()
        async with await connect(listener) as peer:
            await peer.send(block("M0"))
            await asyncio.sleep(0.05)
            await peer.send(b"".join(block(f"M{n}") for n in range(1, 21)))
            await asyncio.sleep(0.05)
            intake.may_store.set()
            assert await peer.answers(21) == [("AA", f"M{n}") for n in range(21)]

    assert run(talk).batches == [1, 20]


def test_the_ledger_tells_of_each_connection() -> None:
    async def talk(listener: Listener, _: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(block("M1") + wrap(b"junk"))
            await peer.answers(2)
            status = listener.ledger.status()
            [one] = status["open"]
            assert (status["messages"], status["answers"], status["errors"]) == (2, 2, 1)
            assert (one["messages"], one["last_error"]) == (2, "E111")
            assert one["bytes_in"] == len(block("M1") + wrap(b"junk"))

    run(talk)


def test_an_address_in_use_is_a_fault() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        found = await Mllp(listener.address).serve("other", site(), intake)
        assert isinstance(found, Fault)
        assert found.code == "E106"

    run(talk)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tcp:127.0.0.1:2575", ("127.0.0.1", 2575)),
        ("tcp:[::1]:1", ("::1", 1)),
        ("host:99", ("host", 99)),
        ("tcp::2575", ("", 2575)),
    ],
)
def test_addresses_are_read(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", "2575", "tcp:host", "tcp:host:99999", "tcp:::1:5", "udp:host:1:2"])
def test_what_is_no_address_is_a_fault(text: str) -> None:
    found = parse_address(text)
    assert isinstance(found, Fault)
    assert found.code == "E107"


def test_a_wrong_option_is_a_fault_and_nothing_listens() -> None:
    async def main() -> None:
        found = await Mllp("tcp:127.0.0.1:0", charset="KLINGON").serve("test", site(), Memory())
        assert isinstance(found, Fault)
        assert found.code == "E113"

    asyncio.run(main())
