"""A burst of ECGs keeps no acknowledgement of a small message waiting: what is slow is stored beside, what is large by itself."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import psycopg

from engine.fault import Fault
from engine.journal import Committer, Journal, Limits
from engine.journal.groups import LARGE
from engine.journal.values import mark, source_hash
from engine.types import Arrival, Receipt

Make = Callable[..., Arrival]
BLOCKED = "select exists (select from pg_locks where not granted)"
KEPT = "insert into journal.seen (source, digest, id) values (%s, %s, %s)"


def transactions(database: str) -> dict[UUID, int]:
    """Which transaction stored each message."""
    with psycopg.connect(database) as connection:
        return {id: int(number) for id, number in connection.execute("select id, xmin::text from journal.message")}


def blocked(database: str) -> bool:
    """Whether a transaction waits for another one."""
    with psycopg.connect(database) as connection:
        row = connection.execute(BLOCKED).fetchone()
        return bool(row and row[0])


def together(journal: Journal, arrivals: Sequence[Arrival], limits: Limits | None = None) -> list[Receipt | Fault]:
    """What is answered to arrivals of as many connections, all of which wait when the threads begin to take them."""

    async def run() -> list[Receipt | Fault]:
        committer = Committer(journal, limits)
        committer.start()
        with committer._lanes[False]._changed, committer._lanes[True]._changed:
            tasks = []
            for arrival in arrivals:
                tasks.append(asyncio.ensure_future(committer.accept([arrival])))
                await asyncio.sleep(0)
        answers = [(await task)[0] for task in tasks]
        await asyncio.to_thread(committer.stop)
        return answers

    return asyncio.run(run())


def test_a_large_message_is_committed_by_itself(journal: Journal, database: str, make: Make) -> None:
    small = [make(str(n)) for n in range(4)]
    large = [make("5", body=b"x" * LARGE), make("6", body=b"y" * LARGE)]
    answers = together(journal, [large[0], small[0], small[1], large[1], small[2], small[3]])
    assert all(isinstance(answer, Receipt) for answer in answers)
    of = transactions(database)
    assert len({of[one.id] for one in small}) == 1
    assert len({of[one.id] for one in (*small, *large)}) == 3


def test_small_messages_wait_for_one_large_one_at_most(journal: Journal, database: str, make: Make) -> None:
    large = [make(str(n), body=b"x" * (LARGE + n)) for n in range(3)]
    small = [make(str(n)) for n in range(3, 5)]
    together(journal, [*large, *small], Limits(group=1))
    of = transactions(database)
    begun = sorted(of, key=lambda id: of[id])
    assert begun == [one.id for one in (small[0], large[0], small[1], large[1], large[2])]


def test_what_is_slow_is_stored_while_a_quick_one_is_acknowledged(journal: Journal, database: str, make: Make) -> None:
    slow, quick = replace(make("1"), slow=True), make("2")
    source = source_hash(slow.channel, slow.envelope.sender, slow.envelope.control_id)
    digest = mark(hashlib.sha256(slow.body).digest())

    async def run() -> None:
        committer = Committer(journal)
        committer.start()
        with psycopg.connect(database) as other:  # has the slow one wait in the middle of its transaction
            other.execute(KEPT, [source, digest, quick.id])
            waiting = asyncio.ensure_future(committer.accept([slow]))
            while not await asyncio.to_thread(blocked, database):
                assert not waiting.done()
            [receipt] = await committer.accept([quick])
            assert receipt == Receipt(quick.id)
            assert not waiting.done()
            other.rollback()
        assert await waiting == [Receipt(slow.id)]
        await asyncio.to_thread(committer.stop)

    asyncio.run(asyncio.wait_for(run(), 30))
