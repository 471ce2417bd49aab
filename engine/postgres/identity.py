"""Who the server runs as: PostgreSQL refuses uid 0, so an engine started by root runs it as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.fault import Fault, Kind

NAMES = ("isthmus", "postgres", "nobody")  # the first that exists; initdb wants a name for its uid


@dataclass(frozen=True, slots=True)
class Identity:
    """A user to run programs as; `switch` when it is not the engine's own."""

    name: str
    uid: int
    gid: int
    switch: bool

    def options(self) -> dict[str, Any]:
        """The keyword arguments of subprocess that make a child run as this user."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Gives a path to this user."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_run(self, program: str) -> bool:
        """Whether this user can start the program, told by starting it."""
        try:
            done = subprocess.run([program, "--version"], capture_output=True, check=False, cwd="/", **self.options())
        except OSError:
            return False
        return done.returncode == 0

    def can_enter(self, folder: Path) -> bool:
        """Whether this user reaches the folder, told by going there (mode bits do not know access lists)."""
        if not self.switch:
            return os.access(folder, os.X_OK)
        asked = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]
        return subprocess.run(asked, capture_output=True, check=False, cwd="/", **self.options()).returncode == 0


def identity(folder: Path) -> Identity | Fault:
    """Who is to run the server on this folder: its owner if it exists, else ourselves, else the first of NAMES for root."""
    uid = os.geteuid()
    if uid != 0:
        return Identity(_name(uid), uid, os.getegid(), False)
    if folder.is_dir() and (owner := folder.stat()).st_uid != 0:
        return Identity(_name(owner.st_uid), owner.st_uid, owner.st_gid, True)
    for name in NAMES:
        try:
            row = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(name, row.pw_uid, row.pw_gid, True)
    return Fault(
        Kind.FORBIDDEN,
        "E612",
        "PostgreSQL does not run as root, and there is no other user to run it as",
        help="create one (useradd --system isthmus), or start the engine as an ordinary user",
    )


def reachable(folder: Path, who: Identity) -> Fault | None:
    """Says which folder on the way keeps the server's user out."""
    if who.can_enter(folder):
        return None
    closed = next((part for part in [*reversed(folder.parents), folder] if not who.can_enter(part)), folder)
    return Fault(
        Kind.FORBIDDEN,
        "E602",
        f"the server's user {who.name} cannot enter {closed}",
        at=str(folder),
        help=f"choose another data folder by --data (such as /var/lib/isthmus), or `chmod o+x {closed}`",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
