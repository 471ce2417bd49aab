"""Running servers as the operating system tells them: `postmaster.pid`, /proc, and signals.

Source: https://www.postgresql.org/docs/current/storage-file-layout.html (postmaster.pid) and proc(5).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[str], None]
POLL = 0.02  # seconds
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class PidFile:
    """The lines of postmaster.pid that matter; `ready` once the server takes connections."""

    pid: int
    pgdata: str
    started: int  # seconds since 1970, by the clock of that moment
    port: int
    sockets: str
    ready: bool


def read_pid_file(pgdata: Path) -> PidFile | None:
    """The pid file, or None when it is absent, empty (a power cut) or not yet complete."""
    try:
        lines = (pgdata / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        ready = "".join(lines[7:8]).strip() == "ready"
        return PidFile(int(lines[0]), lines[1], int(lines[2]), int(lines[3]), lines[4], ready)
    except (OSError, ValueError, IndexError):
        return None


def holders(pgdata: Path) -> list[int]:
    """The server processes whose working directory is this PGDATA: a postmaster and its children, or orphans of one."""
    try:
        wanted = os.stat(pgdata)
    except OSError:
        return []
    found = []
    for entry in PROC.iterdir() if PROC.is_dir() else ():
        if entry.name.isdigit() and _is_in(entry, wanted) and _program(entry) in ("postgres", "postmaster"):
            found.append(int(entry.name))
    return sorted(found)


def _is_in(entry: Path, wanted: os.stat_result) -> bool:
    try:
        there = os.stat(entry / "cwd")
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino)


def _program(entry: Path) -> str:
    try:
        return Path(os.readlink(entry / "exe").removesuffix(" (deleted)")).name
    except OSError:
        return ""


def serves(pid: int, pgdata: Path) -> bool:
    """Whether the process is a server of this PGDATA; where there is no /proc, whether it exists."""
    if PROC.is_dir():
        return pid in holders(pgdata)
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def birth(pid: int) -> str:
    """What tells a process from a later one of the same number: its start in clock ticks after boot; '' when it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]


def send(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a process that may just have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
