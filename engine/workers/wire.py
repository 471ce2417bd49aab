"""What goes over the socket pair between the engine and a process that works for it: pickled tuples, the name of the thing first.

Both ends are this same program, started by one another; nothing else holds an end of the pair.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from engine.fault import Fault
from engine.types import Outcome, State

# to the process: settings, begin, wake, spare, deploy, stale, metrics, stop; from it: begun, works, told, deployed, metrics
BRIEF = 0.01  # seconds that a hint waits for what is being sent
Begin = tuple[str, list[bytes], list[bytes]]  # the DSN, messages that may end the process, messages that do
Told = list[tuple[bytes, str, tuple[Fault, ...], tuple[str, ...]]]


class Wire:
    """One end. `send` may be called by any thread, `receive` by one; both raise OSError or EOFError when the other end is gone."""

    def __init__(self, end: int) -> None:
        self._connection = Connection(end)
        self._sending = threading.Lock()
        self._room = select.poll()
        self._room.register(end, select.POLLOUT)

    def send(self, name: str, value: Any = None) -> None:
        """Sends a thing with its value."""
        with self._sending:
            self._connection.send((name, value))

    def hint(self, name: str) -> None:
        """Sends what may be lost, such as a word that says the same as one before it: not sent where much has not been read yet.

        It never waits long for the other end, which may stand still; what must arrive still has room behind it.
        """
        if not self._sending.acquire(timeout=BRIEF):  # much is being sent to who does not read it
            return
        try:
            if self._room.poll(0):  # a Unix socket is written to at once while three quarters of its buffer are free
                self._connection.send((name, None))
        finally:
            self._sending.release()

    def receive(self) -> tuple[str, Any]:
        """Waits for the next thing."""
        found: tuple[str, Any] = self._connection.recv()
        return found

    def close(self) -> None:
        """Lets the other end know."""
        self._connection.close()


def pair() -> tuple[int, int]:
    """Two ends of a new wire; the second may be inherited by a process."""
    ours, theirs = socket.socketpair()
    theirs.set_inheritable(True)
    return ours.detach(), theirs.detach()


def told(outcomes: Mapping[UUID, Outcome]) -> Told:
    """Outcomes as they are sent."""
    return [(id.bytes, one.state.value, one.faults, one.resources) for id, one in outcomes.items()]


def outcomes(told: Told) -> dict[UUID, Outcome]:
    """Outcomes as they were sent."""
    return {UUID(bytes=id): Outcome(State(state), faults, resources) for id, state, faults, resources in told}
