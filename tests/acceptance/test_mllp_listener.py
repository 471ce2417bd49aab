"""The listener's manners: modes of acknowledgement, limits, patience, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from adapters.hl7v2.source import Mllp, parse_address
from engine.fault import Fault, Kind
from engine.types import Outcome, State
from tests.acceptance.mllp_peer import Memory, block, connect, listening, message, msa, site

Talk = Callable[[Listener, Memory], Awaitable[None]]
HELD = Outcome(State.HELD, (Fault(Kind.INCORRECT, "E402", "the code is not in the table", "OBX[1]-11"),))
AWAY = Fault(Kind.UNAVAILABLE, "E620", "the database is away")
UNKNOWN = Fault(Kind.INTERRUPTED, "E621", "stored or not, nobody knows")


def run(talk: Talk, **options: Any) -> Memory:
    async def main() -> Memory:
        intake = Memory()
        async with listening(intake, **options) as listener:
            await asyncio.wait_for(talk(listener, intake), 30)
        return intake

    return asyncio.run(main())


def replies(data: bytes, number: int, outcome: Outcome | Fault | None = None, **options: Any) -> list[tuple[str, str]]:
    """Sends bytes and gives (MSA-1, MSA-2) of the answers; checks that nothing else follows."""
    found: list[tuple[str, str]] = []

    async def talk(listener: Listener, intake: Memory) -> None:
        if outcome is not None:
            intake.outcome = outcome
        async with await connect(listener) as peer:
            await peer.send(data)
            found.extend(await peer.answers(number))
            peer.writer.write_eof()
            assert await peer.is_closed()

    run(talk, **options)
    return found


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


def test_a_sequence_number_is_echoed() -> None:
    async def talk(listener: Listener, _: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(block("M1", extra="|17"))
            answer = await peer.answer()
            assert answer is not None
            assert b"MSA|AA|M1||17\r" in answer

    run(talk)


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


def test_while_the_engine_asks_for_patience_reading_stops() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.gate.clear()
        big = wrap(message("M1", "ORU^R01", "OBX|1|ST|A||" + "x" * 500_000))
        async with await connect(listener) as peer:
            sending = asyncio.create_task(peer.send(big * 60))
            await asyncio.sleep(0.5)
            [entry] = [connection.entry for connection in listener.ledger.open]
            assert entry.bytes_in < 5_000_000
            assert not intake.arrivals
            intake.gate.set()
            assert len(await peer.answers(60)) == 60
            await sending

    run(talk)


def test_a_sender_that_does_not_read_its_answers_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
            data = b"".join(block(f"M{n}" + "x" * 150) for n in range(500))
            with pytest.raises((ConnectionError, TimeoutError)):
                for _ in range(400):
                    await asyncio.wait_for(peer.send(data), 5)
            assert not listener.ledger.open

    run(talk, write_timeout=0.3)
    assert "E105" in {record.__dict__.get("fields", {}).get("code") for record in caplog.records}


def test_draining_answers_what_came_and_closes() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        busy, idle, half = [await connect(listener) for _ in range(3)]
        intake.may_store.clear()
        await busy.send(block("M1"))
        await half.send(block("M2")[:40])
        await asyncio.sleep(0.05)
        draining = asyncio.create_task(listener.drain(10))
        assert await idle.is_closed()
        await half.send(block("M2")[40:])
        await asyncio.sleep(0.05)
        intake.may_store.set()
        assert await busy.answers(1) == [("AA", "M1")]
        assert await half.answers(1) == [("AA", "M2")]
        assert await busy.is_closed() and await half.is_closed()
        await draining
        with pytest.raises(OSError):
            await connect(listener)
        for peer in (busy, idle, half):
            peer.writer.close()

    run(talk)


def test_draining_does_not_wait_for_ever() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.may_store.clear()
        async with await connect(listener) as peer:
            await peer.send(block("M1"))
            await asyncio.sleep(0.05)
            await asyncio.wait_for(listener.drain(0.2), 5)
            assert await peer.is_closed()

    run(talk)


def test_a_message_is_kept_though_its_sender_has_gone() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(block("M1"))
        for _ in range(200):
            if intake.bodies:
                break
            await asyncio.sleep(0.01)

    assert run(talk).bodies == [message("M1")]


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


def test_an_idle_connection_is_closed_only_when_told_so() -> None:
    async def talk(listener: Listener, _: Memory) -> None:
        async with await connect(listener) as peer:
            assert await peer.is_closed()

    run(talk, idle_timeout=0.1)


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


def test_answers_name_us_as_the_channel_says() -> None:
    async def talk(listener: Listener, _: Memory) -> None:
        async with await connect(listener) as peer:
            await peer.send(block("M1"))
            answer = await peer.answer()
            assert answer is not None
            assert answer.startswith(rb"MSH|^~\&|ISTHMUS^1.2.3^ISO|HERE|LAB|HOSP|")
            assert msa(answer) == ("AA", "M1")

    run(talk, application="ISTHMUS^1.2.3^ISO", facility="HERE")


def test_when_memory_runs_short_the_large_block_is_cut_off_and_small_ones_pass() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as big, await connect(listener) as small:
            await big.send(b"\x0b" + message("BIG"))
            for _ in range(100):
                await big.send(b"x" * 100_000)
                assert listener.ledger.held < 6_000_000
            assert await big.answers(1) == [("AR", "BIG")]
            await small.send(block("M1"))
            assert await small.answers(1) == [("AA", "M1")]

    assert run(talk, max_memory=4_000_000).bodies == [message("M1")]


def test_the_account_of_memory_goes_back_to_nothing() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        async with await connect(listener) as peer, await connect(listener) as gone:
            for part in (block("M1")[:50], block("M1")[50:], block("M2")[:30], block("M2")[30:]):
                await peer.send(part)
                await asyncio.sleep(0.01)
            assert await peer.answers(2) == [("AA", "M1"), ("AA", "M2")]
            await gone.send(block("M3")[:40])
            await asyncio.sleep(0.02)
            assert listener.ledger.held == 39
        while listener.ledger.open:
            await asyncio.sleep(0.01)
        assert listener.ledger.held == 0

    run(talk)
