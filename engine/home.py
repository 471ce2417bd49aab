"""The engine's data folder: private to its user, one engine at a time, and the note that tells other commands how to reach it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.fault import Fault, Kind


@dataclass(frozen=True, slots=True)
class Home:
    """A locked data folder. The lock ends with the process."""

    path: Path
    lock: int

    def announce(self, **facts: Any) -> None:
        """Writes the note for other commands: process id, addresses, DSN and the operator's token; readable by the owner only."""
        note = self.path / "engine.json"
        fresh = self.path / "engine.json.new"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({"pid": os.getpid(), **facts}, file)
        fresh.replace(note)

    def leave(self) -> None:
        """Removes the note and the lock."""
        (self.path / "engine.json").unlink(missing_ok=True)
        os.close(self.lock)


def enter(path: Path) -> Home | Fault:
    """Makes and locks the data folder."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "engine.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        text = f"the data folder cannot be used: {error.strerror}"
        return Fault(Kind.UNAVAILABLE, "E910", text, str(path), "name another with --data, or mend its permissions")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        text = "another engine runs on this data folder"
        return Fault(Kind.CONFLICT, "E911", text, str(path), "stop it, or give this one its own --data and ports")
    return Home(path, lock)


def note(path: Path) -> dict[str, Any] | None:
    """What the running engine of this folder announced; None when none runs."""
    try:
        found = json.loads((path / "engine.json").read_text())
        os.kill(found["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def new_token() -> str:
    """A token for the operator's calls."""
    return secrets.token_urlsafe(32)
