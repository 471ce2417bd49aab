"""Attacks 1 to 6, by bytes on the line: garbage, trickles, blocks without end, too many connections."""

from __future__ import annotations

import asyncio
import resource

import pytest

from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from tests.acceptance.mllp_attacks.attacking import CANARY, attack
from tests.acceptance.mllp_peer import Memory, block, connect, message


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
