"""A process that is stopped loses its destinations to another one; woken, it sends nothing more and writes nothing (R17)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from engine.journal.outbox import post
from engine.types import Parcel

HARNESS = Path(__file__).parent / "courier_harness.py"
PARCELS, SIDE_BY_SIDE = 12, 4


class Far:
    """Notes every line; answers `second` at once, and `first` when it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.may_answer = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rwb") as lines:
            told = lines.readline().decode().split()
            if not told:  # it was ended before it said anything
                return
            name, idem = told
            self.got.append((name, idem))
            if name == "first":
                self.may_answer.wait(60)
            lines.write(b"taken\n")

    def of(self, name: str) -> list[str]:
        return [idem for who, idem in self.got if who == name]


def until(check: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes], connection: psycopg.Connection[Any]) -> None:
    """Stops it between two transactions: what is stopped inside one keeps its locks until the server ends the session, a minute later."""
    inside = "select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    while connection.execute(inside).fetchone() is not None:
        process.send_signal(signal.SIGCONT)
        time.sleep(0.03)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)


def woken(database: str, *options: str) -> tuple[list[str], list[str], int]:
    """What the first process sent before it was stopped and after it was woken, and how many deliveries are written."""
    far = Far()
    with psycopg.connect(database, autocommit=True) as connection, ExitStack() as ended:
        ended.callback(far.server.close)
        post(connection, [(None, Parcel("ehr", f"k{n}", f"k{n}", b"x")) for n in range(PARCELS)])

        def start(name: str, *options: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, str(HARNESS), database, str(far.port), name, *options]
            process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(HARNESS.parents[2])})
            ended.callback(process.wait)
            ended.callback(process.kill)
            return process

        first = start("first", *options)
        until(lambda: len(far.of("first")) == SIDE_BY_SIDE)  # the others are in its hand already
        stop(first, connection)
        start("second")
        until(lambda: len(far.of("second")) == PARCELS)
        until(lambda: connection.execute("select 1 from journal.outbox").fetchone() is None)
        before = far.of("first")
        far.may_answer.set()
        first.send_signal(signal.SIGCONT)
        time.sleep(1.5)  # longer than it takes to look into its queue, and than a lease
        row = connection.execute("select count(*) from journal.delivery").fetchone()
        return before, far.of("first")[len(before) :], row[0] if row else -1


def test_a_process_that_was_stopped_and_woken_neither_sends_nor_writes(database: str) -> None:
    before, after, written = woken(database)
    assert len(before) == SIDE_BY_SIDE
    assert after == []
    assert written == PARCELS


def test_one_that_does_not_ask_for_its_lease_is_caught_sending(database: str) -> None:
    _, after, _ = woken(database, "--unfenced")
    assert after != []
