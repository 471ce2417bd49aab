"""Attacks on the HL7 v2 side, each through a real socket.

For all of them: the listener stays up and serves others, memory stays flat, and no patient's value reaches a log or an answer's words.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from adapters.hl7v2.framing import wrap
from adapters.hl7v2.server import Listener
from tests.acceptance.mllp_peer import Memory, block, connect, listening, msa
from tests.acceptance.mllp_talk import Talk

CANARY = "Canary-Smith-987654321"


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
