"""A talk with a listener in memory, and what it answers to some bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.hl7v2.server import Listener
from engine.fault import Fault, Kind
from engine.types import Outcome, State
from tests.acceptance.mllp_peer import Memory, connect, listening

Talk = Callable[[Listener, Memory], Awaitable[None]]
HELD = Outcome(State.HELD, (Fault(Kind.INCORRECT, "E402", "the code is not in the table", "OBX[1]-11"),))
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
