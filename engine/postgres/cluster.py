"""A new database cluster: initialised aside with a password of its own, then moved into place in one step."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from engine.fault import Fault, Kind
from engine.postgres.binaries import Binaries
from engine.postgres.folder import Folder
from engine.postgres.identity import Identity
from engine.postgres.process import Progress

ROLE = "isthmus"
DATABASE = "isthmus"
CONFIG = "isthmus.conf"


def existing_major(folder: Folder) -> int | None:
    """The version that initialised the folder, or None for a new one."""
    try:
        return int((folder.pgdata / "PG_VERSION").read_text().split(".")[0])
    except (OSError, ValueError):
        return None


def create(folder: Folder, binaries: Binaries, who: Identity, progress: Progress) -> Fault | None:
    """Initialises the cluster; a kill at any moment leaves either none or a complete one."""
    progress(f"creating a database in {folder.home}")
    for stale in folder.data.glob("postgres.new-*"):
        shutil.rmtree(stale, ignore_errors=True)
    fresh = Folder(folder.data / f"postgres.new-{os.getpid()}-{secrets.token_hex(4)}")
    fresh.home.mkdir(parents=True)
    for path in (fresh.data, fresh.home):
        path.chmod(0o711)
    for path in (fresh.pgdata, fresh.log):
        path.mkdir(mode=0o700)
        who.own(path)
    password = secrets.token_urlsafe(32)
    _write(fresh.password, f"*:*:*:{ROLE}:{password}\n")
    done = _initdb(fresh, binaries, who, password)
    if done.returncode != 0:
        shutil.rmtree(fresh.data, ignore_errors=True)
        return Fault(Kind.FAULT, "E606", f"the database could not be created: {tail(done.stderr)}", at=str(folder.home))
    with open(fresh.pgdata / "postgresql.conf", "a", encoding="ascii") as file:
        file.write(f"\ninclude_if_exists = '{CONFIG}'\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.home.rename(folder.home)
    sync(folder.data)
    shutil.rmtree(fresh.data, ignore_errors=True)
    return None


def _initdb(fresh: Folder, binaries: Binaries, who: Identity, password: str) -> subprocess.CompletedProcess[str]:
    told = fresh.home / "told"
    _write(told, password)
    who.own(told)
    try:
        return subprocess.run(
            [
                binaries.program("initdb"),
                *("-D", str(fresh.pgdata), "-U", ROLE, "-A", "scram-sha-256", f"--pwfile={told}"),
                *("--data-checksums", "--locale=C.UTF-8", "--encoding=UTF8"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=environment(),
            start_new_session=True,
            umask=0o077,
            **who.options(),
        )
    finally:
        told.unlink()


def environment() -> dict[str, str]:
    """A child's environment: nothing that could change what it does (PGOPTIONS, LD_PRELOAD), no secrets."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def configure(folder: Folder, who: Identity, memory: int) -> None:
    """Writes the settings for this load; a line in postgresql.auto.conf (ALTER SYSTEM) overrides them."""
    path = folder.pgdata / CONFIG
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _write(fresh, "".join(f"{name} = {value}\n" for name, value in settings(memory).items()))
    who.own(fresh)
    fresh.rename(path)


def settings(memory: int) -> dict[str, str]:
    """Settings for many small inserts on a machine with `memory` bytes; none of them weakens durability."""
    megabyte = 1024 * 1024
    buffers = max(32, min(256, memory // megabyte // 16))
    return {
        "shared_buffers": f"{buffers}MB",
        "max_connections": "300",  # one for each destination, and some twenty
        "wal_buffers": "16MB",
        "wal_compression": "off",  # of whole pages: the server's own method costs a tenth of its time, and keys by chance do not shrink
        "max_wal_size": "2GB",
        "min_wal_size": "512MB",
        "wal_init_zero": "off",  # with it, all commits wait while whoever needs a new piece of the log writes it full of zeros first
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "backend_flush_after": "512kB",  # what is written goes to the disk bit by bit: a checkpoint held all commits up for 0.3 s
        "random_page_cost": "1.1",
        "jit": "off",
        "autovacuum_naptime": "10s",
        "autovacuum_vacuum_cost_limit": "1000",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_destination": "'stderr'",
        "logging_collector": "on",
        "log_filename": "'postgres-%a.log'",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_file_mode": "0600",
        # what a statement carries are patients' data: never in a log
        "log_statement": "'none'",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }


def sync(folder: Path) -> None:
    """Makes a rename in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def tail(text: str, lines: int = 3) -> str:
    """The last lines of a program's complaint, on one line."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:])


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
