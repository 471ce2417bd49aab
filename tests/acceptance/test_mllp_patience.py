"""The listener's limits and its end: patience, memory, senders that do not read or go away, draining."""

from __future__ import annotations

import asyncio

import pytest

from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from tests.acceptance.mllp_peer import Memory, block, connect, message
from tests.acceptance.mllp_talk import run


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


def test_an_idle_connection_is_closed_only_when_told_so() -> None:
    async def talk(listener: Listener, _: Memory) -> None:
        async with await connect(listener) as peer:
            assert await peer.is_closed()

    run(talk, idle_timeout=0.1)


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


def test_large_blocks_that_wait_to_be_stored_count_as_memory_too() -> None:
    async def talk(listener: Listener, intake: Memory) -> None:
        intake.may_store.clear()  # such as a database that stands still
        whole = [message(f"W{n}", "ORU^R01", "OBX|1|TX|" + "x" * 1_500_000) for n in range(3)]
        async with await connect(listener) as one, await connect(listener) as two, await connect(listener) as three:
            for peer, body in zip((one, two, three), whole, strict=True):
                await peer.send(b"\x0b" + body + b"\x1c\r")
            while listener.ledger.held < 4_500_000:
                await asyncio.sleep(0.01)
            async with await connect(listener) as big:
                await big.send(b"\x0b" + message("BIG", "ORU^R01", "OBX|1|TX|" + "x" * 1_500_000))
                assert await big.answers(1) == [("AR", "BIG")]
            intake.may_store.set()
            for n, peer in enumerate((one, two, three)):
                assert await peer.answers(1) == [("AA", f"W{n}")]
            assert listener.ledger.held == 0

    assert len(run(talk, max_memory=4_000_000).bodies) == 3


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
