"""A proxy before PostgreSQL's socket that holds back, or cuts off, what either side has sent."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

READY = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, idle: the transaction is over


class Proxy:
    """Forwards both ways; `hold` names a direction ("answers" or "questions") that is kept back until `release` or `cut`."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self._upstream = upstream
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(folder / ".s.PGSQL.5432"))
        self._server.listen(16)
        self._lock = threading.Condition()
        self._held: dict[str, list[tuple[socket.socket, bytes]]] = {"answers": [], "questions": []}
        self._holding: set[str] = set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._shut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, direction: str) -> None:
        with self._lock:
            self._holding.add(direction)

    def wait_held(self, direction: str, part: bytes = b"") -> None:
        """Waits until something (that contains `part`) is held back."""
        with self._lock:
            assert self._lock.wait_for(
                lambda: self._held[direction] and part in b"".join(d for _, d in self._held[direction]), 30
            )

    def release(self, direction: str) -> None:
        with self._lock:
            self._holding.discard(direction)
            for target, data in self._held[direction]:
                target.sendall(data)
            self._held[direction].clear()

    def cut(self) -> None:
        """Closes every connection; what was held back is lost."""
        with self._lock:
            self._holding.clear()
            for held in self._held.values():
                held.clear()
            for pair in self._pairs:
                for end in pair:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
            self._pairs.clear()

    def close(self) -> None:
        """Takes no new connections and cuts the others."""
        self._shut = True
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while not self._shut:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._upstream)
            with self._lock:
                self._pairs.append((client, server))
            threading.Thread(target=self._pump, args=("questions", client, server), daemon=True).start()
            threading.Thread(target=self._pump, args=("answers", server, client), daemon=True).start()

    def _pump(self, direction: str, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                with self._lock:
                    if direction in self._holding:
                        self._held[direction].append((target, data))
                        self._lock.notify_all()
                    else:
                        target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                if direction == "answers":
                    end.close()
