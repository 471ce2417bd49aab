"""An embedded server that ends by itself is started anew where it was, as often as it takes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from engine.fault import Fault
from engine.postgres import Keeper, Server, cluster, process, start


@contextmanager
def kept(data: Path) -> Iterator[str]:
    """A server that is looked after; its DSN."""
    server = start(data)
    assert isinstance(server, Server), server
    keeper = Keeper(server, data, lambda _: None)
    keeper.start()
    try:
        yield server.dsn
    finally:
        keeper.stop()


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            return connection.execute("select n from kept").fetchone() == (7,)
    except psycopg.OperationalError:
        return False


def kill(pgdata: Path) -> None:
    file = process.read_pid_file(pgdata)
    assert file is not None
    process.send(file.pid, signal.SIGKILL)
    eventually(lambda: process.birth(file.pid) == "")


def test_a_server_that_was_killed_is_started_anew_with_what_it_held(data: Path) -> None:
    with kept(data) as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute("create table kept as select 7 as n")
        kill(data / "postgres" / "data")
        eventually(lambda: answers(dsn))
        assert isinstance(start(data), Fault)  # the folder has been held all the time
    assert process.holders(data / "postgres" / "data") == []


def test_a_server_that_cannot_start_is_tried_until_it_can(data: Path) -> None:
    pgdata = data / "postgres" / "data"
    with kept(data) as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute("create table kept as select 7 as n")
        (pgdata / "pg_wal").rename(pgdata / "elsewhere")  # such as a disk that is not there
        kill(pgdata)
        time.sleep(2)
        assert not answers(dsn)
        (pgdata / "elsewhere").rename(pgdata / "pg_wal")
        eventually(lambda: answers(dsn))


def test_a_folder_whose_database_cannot_be_made_is_let_go(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "DATABASE", 'is"thmus')  # the server refuses the statement
        found = start(data)
    assert isinstance(found, Fault)
    assert found.code == "E613"
    server = start(data)
    assert isinstance(server, Server)
    server.stop()
