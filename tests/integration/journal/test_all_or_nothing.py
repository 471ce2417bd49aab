"""A work takes effect as a whole or not at all (R6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from engine.journal import Journal, Settlement
from engine.types import Arrival, Event, State

Make = Callable[..., Arrival]


def counted(database: str) -> tuple[int, ...]:
    tables = ("public.resource", "journal.feed_event", "journal.held", "journal.message_event", "journal.pending")
    with psycopg.connect(database) as connection:
        return tuple(int(connection.execute(f"select count(*) from {name}").fetchone()[0]) for name in tables)  # type: ignore[index]


class Failing:
    """A connection that is killed at its n-th statement."""

    def __init__(self, connection: Any, database: str, after: int) -> None:
        self._connection, self._database, self._left = connection, database, after

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        if self._left == 0:
            with psycopg.connect(self._database, autocommit=True) as killer:
                killer.execute("select pg_terminate_backend(%s, 5000)", [self._connection.info.backend_pid])
        self._left -= 1
        return self._connection.execute(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @property
    def untouched(self) -> bool:
        return self._left >= 0


def test_a_kill_before_any_statement_of_the_work_undoes_all_of_it(database: str, journal: Journal, make: Make) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table public.resource (id text)")
    journal.accept([make("1", key="p"), make("2", key="p")])
    before = counted(database)
    for after in range(100):
        messages = journal.claim(10)
        events = (Event("labs", {"n": 1}),)
        done = [Settlement(messages[0], State.PROCESSED, events=events), Settlement(messages[1], State.HELD)]
        try:
            with journal.transaction() as connection:
                failing = Failing(connection, database, after)
                failing.execute("insert into public.resource values ('a'), ('b')")
                journal.settle(failing, done)  # type: ignore[arg-type]
        except psycopg.OperationalError:
            assert not failing.untouched
            assert counted(database) == before
            continue
        break
    assert after >= 3
    assert counted(database) == (2, 1, 1, 2, 0)
