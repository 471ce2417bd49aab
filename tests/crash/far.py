"""Far sides for a chaos run: one that behaves, one that hangs, lies and disconnects, one that takes everything and never answers."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Got:
    """One message as it arrived."""

    control_id: str
    patient: str
    number: int
    connection: int = 0  # counted as they were opened


def read(block: bytes, connection: int = 0) -> Got:
    """The parts of an ORU that the run looks at."""
    rows = [line.split("|") for line in block.decode("utf-8", "replace").lstrip("\x0b").split("\r")]
    named = {row[0]: row for row in rows}
    return Got(named["MSH"][9], named["PID"][3].split("^")[0], int(named["OBX"][5].split(".")[0]), connection)


class Far:
    """An MLLP receiver. What it got is noted the moment it is read; `acked` are the control ids it truly accepted."""

    def __init__(self, moods: tuple[str, ...], seed: int) -> None:
        self.moods, self.all_moods, self._chance = moods, moods, random.Random(seed)
        self.got: list[Got] = []
        self.bodies: list[bytes] = []
        self.acked: set[str] = set()
        self.moods_had: set[str] = set()
        self.opened = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._server.accept()
                self.opened += 1
                threading.Thread(target=self._serve, args=(peer, self.opened), daemon=True).start()

    def sent(self) -> list[Got]:
        """What it got in the order it was sent: a sender of one connection at a time has closed one before it opens the next, while
        a thread here may be late to read what lies on the old one."""
        return sorted(self.got, key=lambda one: one.connection)

    def _serve(self, peer: socket.socket, connection: int) -> None:
        data = b""
        with peer, contextlib.suppress(OSError):
            while chunk := peer.recv(65536):
                data += chunk
                while b"\x1c\r" in data:
                    block, _, data = data.partition(b"\x1c\r")
                    got = read(block, connection)
                    with self._lock:
                        self.got.append(got)
                        self.bodies.append(block.lstrip(b"\x0b"))
                        mood = self._chance.choice(self.moods)
                        self.moods_had.add(mood)
                    if not self._answer(peer, got.control_id, mood):
                        return

    def _answer(self, peer: socket.socket, control_id: str, mood: str) -> bool:
        """Does as its mood is; False ends the connection."""
        if mood == "disconnect":
            return False
        if mood == "hang":
            self._ended.wait(1.5)
            return False
        if mood == "silent":
            self._ended.wait()
            return False
        if mood == "lie":  # accepts something else, and nothing that was asked
            peer.sendall(answer("AA", "X" + control_id))
            self._ended.wait(1.5)
            return False
        if mood == "garble":
            peer.sendall(b"\x0bno acknowledgement\x1c\r")
            return False
        if mood == "busy":
            peer.sendall(answer("AR", control_id))
            return True
        self.acked.add(control_id)
        peer.sendall(answer("AA", control_id) * (2 if mood == "twice" else 1))
        return True


def answer(code: str, control_id: str) -> bytes:
    return f"\x0bMSH|^~\\&|FAR|H|LAB|H|20260102030405||ACK|1|P|2.5.1\rMSA|{code}|{control_id}\r\x1c\r".encode()
