"""Senders of a chaos run: one message in flight, repeated until it is acknowledged, and now and then once more or twice at the same time;
and one that pours without listening."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable

POISON = 0.06
TWICE, AGAIN = 0.1, 0.1  # of the messages: sent over two connections at once; sent again though acknowledged


def name_of(patient: str, number: int) -> str:
    """The control id of a patient's message; the number is no other patient's."""
    return f"{patient}N{number:06d}"


def oru(patient: str, number: int, poison: bool = False) -> bytes:
    """A report of one result, whose value is the number; a poisoned one has a status that nobody can read."""
    name = name_of(patient, number)
    lines = (
        rf"MSH|^~\&|LAB|HOSP|EHR|HOSP|20260102030405||ORU^R01^ORU_R01|{name}|P|2.5.1",
        f"PID|1||{patient}^^^HOSP^MR||Chaos^Test",
        f"OBR|1||{name}|24323-8^Panel^LN|||20260102030405||||||||||||||||||F",
        f"OBX|1|NM|2345-7^Glucose^LN||{number}|mg/dL|||||{'?' if poison else 'F'}|||20260102030405",
    )
    return "\r".join((*lines, "")).encode()


class Sender(threading.Thread):
    """Sends a patient's messages in order; `acked` are the control ids that were acknowledged with AA."""

    def __init__(self, patient: str, first: int, port: Callable[[], int], seed: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.patient, self.first, self.port, self.ended = patient, first, port, ended
        self._chance = random.Random(seed)
        self.acked: list[str] = []
        self.poisoned: set[str] = set()
        self.repeats = 0
        self.doubled = 0  # messages that were acknowledged twice

    def run(self) -> None:
        number = self.first
        while not self.ended.is_set():
            name, poison = name_of(self.patient, number), self._chance.random() < POISON
            if poison:
                self.poisoned.add(name)
            message, times = oru(self.patient, number, poison), 2 if self._chance.random() < TWICE else 1
            while not self.ended.is_set():
                if self._send(message, times):
                    self.acked.append(name)
                    self.doubled += times > 1 or (self._chance.random() < AGAIN and self._send(message, 1))
                    break
                self.repeats += 1
                self.ended.wait(0.1)
            number += 1
            self.ended.wait(self._chance.uniform(0.0, 0.08))

    def _send(self, message: bytes, times: int) -> bool:
        """Whether it was acknowledged on each of so many connections."""
        try:
            with contextlib.ExitStack() as opened:
                address = ("127.0.0.1", self.port())
                peers = [opened.enter_context(socket.create_connection(address, timeout=15)) for _ in range(times)]
                for peer in peers:
                    peer.sendall(b"\x0b" + message + b"\x1c\r")
                return all(_accepted(peer) for peer in peers)
        except OSError:
            return False


def _accepted(peer: socket.socket) -> bool:
    answer = b""
    while not answer.endswith(b"\x1c\r"):
        if not (got := peer.recv(65536)):
            return False
        answer += got
    return b"\rMSA|AA|" in answer


def pour(port: int, patient: str, first: int, count: int) -> None:
    """Sends many messages at once and reads the answers only then: more than the engine works off meanwhile."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as peer:
        peer.sendall(b"".join(b"\x0b" + oru(patient, first + n) + b"\x1c\r" for n in range(count)))
        answers = 0
        while answers < count and (got := peer.recv(65536)):
            answers += got.count(b"\x1c")
