"""Keeps the embedded server running: one that ends by itself (killed for want of memory, a log that found no room on the disk) is started
anew, as often as it takes. It has the same address, so whoever lost a connection only connects again."""

from __future__ import annotations

import threading
from pathlib import Path

from engine.fault import Fault
from engine.log import log
from engine.postgres.process import Progress
from engine.postgres.supervisor import Server, again

LOOK = 0.5  # seconds between two looks
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)  # between tries to start it, the longer the more have failed


class Keeper(threading.Thread):
    """The one who looks after a server, until `stop`."""

    def __init__(self, server: Server, data: Path, progress: Progress) -> None:
        super().__init__(name="database keeper", daemon=True)
        self._server, self._data, self._progress = server, data, progress
        self._ended = threading.Event()

    def run(self) -> None:
        failed, wait = 0, LOOK
        while not self._ended.wait(wait):
            wait = LOOK
            if self._server.alive():
                failed = 0
                continue
            log("the database server has ended and is started anew", "error", count=failed)
            found = again(self._server, self._data, self._progress)
            if isinstance(found, Fault):
                log("the database server could not be started", "error", code=found.code)
                wait, failed = PAUSES[min(failed, len(PAUSES) - 1)], failed + 1
            else:
                self._server = found

    def stop(self, patience: float = 60.0) -> None:
        """Lets the server be, then shuts it down; one that takes longer to start is left as it is, for a later engine to adopt."""
        self._ended.set()
        if self.is_alive():
            self.join(patience)
        if not self.is_alive():
            self._server.stop(self._progress, patience)
