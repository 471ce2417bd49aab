"""How many messages wait for their turn, save those that one stops which was held: counted as they come and go, and anew every few
seconds, for other processes take and add too."""

from __future__ import annotations

import threading

import psycopg

from engine.journal.line import Line
from engine.log import failed

EVERY = 2.0  # seconds
MANY = 100_000  # beyond that they are not counted
# those behind a message that stops their key wait for an operator, however many they become: they hold no source back
COUNT = """select count(*) from (
    select from journal.pending
    where not stopped and not exists (
        select from journal.pending head where head.key = pending.key and head.stopped and head.not_before is not null
    )
    limit %s
) counted"""


class Backlog(threading.Thread):
    """The count of one process."""

    def __init__(self, line: Line) -> None:
        super().__init__(name="backlog", daemon=True)
        self._line, self._count = line, 0
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @property
    def count(self) -> int:
        """About how many wait."""
        return max(0, self._count)

    def changed(self, by: int) -> None:
        """So many came or, below zero, went."""
        with self._lock:
            self._count += by

    def recount(self) -> None:
        """Counts anew; beyond a point, not exactly. Raises psycopg.Error."""
        row = self._line.get().execute(COUNT, [MANY]).fetchone()
        with self._lock:
            self._count = int(row[0]) if row else 0

    def run(self) -> None:
        while not self._ended.wait(EVERY):
            try:
                self.recount()
            except psycopg.Error as error:
                failed("the messages that wait could not be counted", error)
        self._line.drop()

    def stop(self) -> None:
        """Ends."""
        self._ended.set()
        if self.is_alive():
            self.join()
