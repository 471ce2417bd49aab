"""Migrations in a process of their own: what they are made with would stay in the engine's memory, 20 MB used once in its life.

`python -m engine.migrating END` is that process. It is sent the DSN, tells its progress as texts, and last what `migrate` answers.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from engine.fault import Fault, Kind


def migrate_apart(dsn: str, progress: Callable[[str], None] = lambda _: None) -> list[str] | Fault:
    """Upgrades to this version, as `migrate` does."""
    ours, theirs = socket.socketpair()
    with Connection(ours.detach()) as wire, theirs:
        end = theirs.fileno()
        child = subprocess.Popen([sys.executable, "-m", __name__, str(end)], pass_fds=(end,), stdin=subprocess.DEVNULL)
        theirs.close()
        try:
            wire.send(dsn)
            while isinstance(told := wire.recv(), str):
                progress(told)
        except (EOFError, OSError):
            told = Fault(
                Kind.UNAVAILABLE, "E613", "the process that migrates ended early", help="nothing was changed; start again"
            )
        child.wait()
    answer: list[str] | Fault = told
    return answer


def main(end: int) -> None:
    """Migrates for the process at the other end of the wire, which says when to stop; when that is gone, nothing is changed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    from engine.migrate import migrate  # noqa: PLC0415

    with Connection(end) as wire:
        wire.send(migrate(wire.recv(), wire.send))
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
