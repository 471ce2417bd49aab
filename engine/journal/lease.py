"""Leases: which process works which lane (or sends to which destination), so that order holds over processes and hosts.

A lease is a row with an owner, an epoch and a time; an owner is a random number whose session holds an advisory lock. A lease is
taken over when its time has passed (the owner hangs) or its owner's session has ended (it died: at once). Whoever was thought
dead finds at its commit that its rows are no longer its own.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections.abc import Sequence

import psycopg

from engine.journal.line import Connection, Line
from engine.journal.sql import sql
from engine.log import failed

CLASS = 0x15748  # the advisory locks that owners hold
SECONDS = 15.0
EVERY = 2.0  # seconds between two renewals
FIRST, SOON = 5.0, 0.2  # in its first seconds, when those that were started with it come and share, this often


class Leases:
    """Keeps this process's share of the leases of one kind, renewed by a thread of its own."""

    def __init__(self, line: Line, kind: str, count: int, seconds: float = SECONDS, number: int = CLASS) -> None:
        self._line, self._kind, self._count, self._seconds, self._class = line, kind, count, seconds, number
        self._held: frozenset[str] = frozenset()
        self._renewed = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._session = 0
        self.owner = 0
        self.owners = 1
        self.generation = 0  # grows whenever what is held changes

    def start(self) -> None:
        """Takes what is free, then keeps it until `stop`."""
        self.tick()
        self._thread = threading.Thread(target=self._run, name=f"lease {self._kind}", daemon=True)
        self._thread.start()

    def extend(self, names: Sequence[str]) -> None:
        """Adds leases that are not there yet and takes its share of all of them."""
        with self._lock:
            rows = [f"{self._kind} {name}" for name in names]
            self._count = len(rows)
            self._line.get().execute("insert into journal.lease (name) select unnest(%s::text[]) on conflict do nothing", [rows])
        self.tick()

    def held(self) -> frozenset[str]:
        """The names held now; none once they could have been taken over."""
        if time.monotonic() - self._renewed > self._seconds:
            return frozenset()
        return self._held

    def tick(self) -> None:
        """Renews, takes and hands over."""
        with self._lock:
            began = time.monotonic()
            connection = self._line.get()
            self._enter(connection)
            asked = {"class": self._class, "kind": self._kind, "owner": self.owner, "seconds": self._seconds}
            row = connection.execute(sql("owners"), asked).fetchone()
            self.owners = int(row[0]) if row else 1
            share = math.ceil(self._count / self.owners)
            asked["share"] = share
            held = {str(name) for name, _ in connection.execute(sql("lease"), asked)}
            if len(held) > share:
                held -= self._give(connection, sorted(held)[share:])
            if held != self._held:
                self._held = frozenset(held)
                self.generation += 1
            self._renewed = began

    def stop(self) -> None:
        """Hands everything back."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._held = frozenset()
            with contextlib.suppress(psycopg.Error):  # the session ends, which says the same
                connection = self._line.get()
                self._give(connection, None)
                connection.execute("delete from journal.lease where name = %s", [f"member {self._kind} {self.owner}"])
            self._line.drop()

    def _enter(self, connection: Connection) -> None:
        """Takes a number for this session; a new session is a new owner."""
        mine = connection.info.backend_pid
        if self._session == mine:
            return
        self._held = frozenset()
        while True:
            self.owner = secrets.randbelow(2**31 - 2) + 1
            row = connection.execute("select pg_try_advisory_lock(%s, %s)", [self._class, self.owner]).fetchone()
            if row and row[0]:
                break
        self._session = mine

    def _give(self, connection: Connection, names: list[str] | None) -> set[str]:
        connection.execute(
            "update journal.lease set owner = 0, until = '-infinity'"
            " where owner = %s and (%s::text[] is null or name = any(%s)) and name like %s || ' %%'",
            [self.owner, names, names, self._kind],
        )
        return set(names or ())

    def _run(self) -> None:
        began, pause = time.monotonic(), SOON
        while not self._ended.wait(min(pause, self._seconds / 4)):
            pause = SOON if time.monotonic() - began < FIRST else EVERY
            try:
                self.tick()
            except psycopg.Error as error:
                failed("leases could not be renewed", error)
