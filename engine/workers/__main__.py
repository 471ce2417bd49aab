"""`python -m engine.workers END KIND`: a worker process that was not forked, started by the engine that holds the other end of this wire."""

from __future__ import annotations

import sys

from engine import log
from engine.live import Live
from engine.loop import leave
from engine.workers.process import Process
from engine.workers.wire import Wire


def main(end: int, slow: bool) -> None:
    """Loads what is deployed and works."""
    wire = Wire(end)
    _, (settings, written) = wire.receive()
    log.configure(settings.log_level)
    try:
        Process(wire, settings, Live(settings), slow).work(written)
    except Exception as error:
        log.failed("a worker process failed", error)
        leave(1)
    leave(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "slow")
