"""No acknowledged message is lost to a power cut (R2); and the same cut finds out a server that does not write through."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

import psycopg
import pytest

from engine.postgres import Server, process, start
from tests.crash.power import Before, cut
from tests.crash.test_crash import Engine, Patient, data, verdict

__all__ = ["data"]

FEW_BUFFERS = "alter system set shared_buffers = '1MB'"  # so that pages are written all the time
SLOW_WRITER = ("alter system set wal_writer_delay = '10s'", "alter system set wal_writer_flush_after = '64MB'")
WRITTEN = 200  # pages on their way when the power goes, however slow the machine is
ASYNCHRONOUS = "alter system set synchronous_commit = off"


def dark(data: Path, seed: int, *settings: str) -> tuple[set[int], int]:
    """What was acknowledged until the power went, and how many pages it tore; `settings` are the server's from its start."""
    engine, pgdata = Engine(data), data / "postgres" / "data"
    server = start(data)
    assert isinstance(server, Server)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for setting in settings:
            connection.execute(setting.encode())
    server.stop()
    engine.start()
    file = process.read_pid_file(pgdata)
    assert file is not None
    dsn = f"host={file.sockets} port={file.port} user=isthmus dbname=isthmus passfile={data / 'postgres' / 'password'}"
    ended = threading.Event()
    senders = [Patient(f"p{n + 1}", engine, ended) for n in range(6)]
    with psycopg.connect(dsn, autocommit=True) as connection:
        for sender in senders:
            sender.start()
        time.sleep(0.5)
        connection.execute("checkpoint")
        before, redo = Before.of(pgdata), connection.execute("select redo_lsn from pg_control_checkpoint()").fetchone()
        time.sleep(1.0)
        until = time.monotonic() + 60
        while FEW_BUFFERS in settings and before.written(pgdata) < WRITTEN and time.monotonic() < until:
            time.sleep(0.2)
        ended.set()
        for sender in senders:
            sender.join()
        engine.kill()
        assert connection.execute("select redo_lsn from pg_control_checkpoint()").fetchone() == redo
        row = connection.execute("select pg_current_wal_flush_lsn() - '0/0'::pg_lsn").fetchone()
        for pid in process.holders(pgdata):
            process.send(pid, signal.SIGKILL)
    while process.holders(pgdata):
        time.sleep(0.01)
    assert row is not None
    return {n for sender in senders for n in sender.acked}, cut(pgdata, before, int(row[0]), random.Random(seed))


@pytest.mark.timeout(200)
def test_a_power_cut_loses_nothing_that_was_acknowledged(data: Path) -> None:
    acked, torn = dark(data, 1, FEW_BUFFERS)
    assert len(acked) > 100
    assert torn > 10
    assert verdict(data, acked) == []


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    "settings",
    [(ASYNCHRONOUS, *SLOW_WRITER), (FEW_BUFFERS, "alter system set full_page_writes = off")],
    ids=["a commit told too early", "torn pages that cannot be mended"],
)
def test_the_cut_finds_out_a_server_that_does_not_write_through(data: Path, settings: tuple[str, ...]) -> None:
    acked, _ = dark(data, 1, *settings)
    try:
        wrong = verdict(data, acked)
    except (AssertionError, psycopg.Error) as error:  # the server does not come up, or cannot read its pages
        wrong = [str(error)]
    assert wrong != []
