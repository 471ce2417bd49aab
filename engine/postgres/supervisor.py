"""Starts the embedded server as a direct child, or adopts the one an engine that was killed left running."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from engine.fault import Fault, Kind
from engine.postgres import binaries as programs
from engine.postgres import cluster, process
from engine.postgres import folder as folders
from engine.postgres.binaries import Binaries
from engine.postgres.folder import Folder
from engine.postgres.identity import Identity, identity, reachable
from engine.postgres.process import POLL, PidFile, Progress

ORPHANS = 5.0  # seconds given to the processes of a killed server
TELL = 2.0  # seconds between two words of progress


@dataclass(slots=True)
class Server:
    """A running embedded server. Its `dsn` names a password file and holds no secret itself."""

    dsn: str
    pid: int
    adopted: bool
    version: str
    _birth: str
    lock: int  # the open file that holds the data folder
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def alive(self) -> bool:
        """Whether the server's process is still there."""
        if self._child is not None:
            return self._child.poll() is None
        return process.birth(self.pid) == self._birth != ""

    def stop(self, progress: Progress = lambda _: None, patience: float = 60.0) -> None:
        """Shuts the server down with a checkpoint (SIGINT), or after `patience` seconds without one (SIGQUIT, safe)."""
        self.end(progress, patience)
        self.release()

    def end(self, progress: Progress = lambda _: None, patience: float = 60.0) -> None:
        """The same, and keeps hold of the data folder."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.alive():
                process.send(self.pid, number)
                self._wait(patience, progress)

    def release(self) -> None:
        """Lets go of the data folder and leaves the server as it is, for a later engine to adopt."""
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1

    def _wait(self, seconds: float, progress: Progress) -> None:
        began = told = time.monotonic()
        while self.alive() and time.monotonic() - began < seconds:
            if time.monotonic() - told > TELL:
                told = time.monotonic()
                progress(f"the database is stopping ({told - began:.0f} s)")
            time.sleep(POLL)


def start(data: Path, progress: Progress = lambda _: None) -> Server | Fault:
    """A server for the data folder, ready for connections. Recovery after a crash takes the time it takes; `progress` is told."""
    folder = folders.opened(data)
    if isinstance(folder, Fault):
        return folder
    lock = folders.locked(folder)
    if isinstance(lock, Fault):
        return lock
    try:
        server = _started(folder, lock, progress)
    except OSError as error:
        server = _unusable(error, folder.data)
    if isinstance(server, Fault):
        os.close(lock)
    return server


def again(server: Server, data: Path, progress: Progress = lambda _: None) -> Server | Fault:
    """The server of this data folder started anew after it ended by itself; the folder stays held whatever comes of it."""
    try:
        return _started(Folder(data.resolve()), server.lock, progress)
    except OSError as error:
        return _unusable(error, data)


def _unusable(error: OSError, data: Path) -> Fault:
    return Fault(Kind.UNAVAILABLE, "E611", f"the data folder cannot be used: {error.strerror}", at=str(error.filename or data))


def _started(folder: Folder, lock: int, progress: Progress) -> Server | Fault:
    who = identity(folder.pgdata)
    if isinstance(who, Fault):
        return who
    fault = reachable(folder.data, who)
    if fault is not None:
        return fault
    found = _programs(folder, who)
    if isinstance(found, Fault):
        return found
    if cluster.existing_major(folder) is None:
        fault = _unfinished(folder) or cluster.create(folder, found, who, progress)
        if fault is not None:
            return fault
    if not os.access(folder.password, os.R_OK):
        return Fault(Kind.FORBIDDEN, "E608", "the database's password file cannot be read", at=str(folder.password))
    server = _adopt_or_launch(folder, found, who, lock, progress)
    return server if isinstance(server, Fault) else _with_database(server)


def _unfinished(folder: Folder) -> Fault | None:
    if not folder.home.exists():
        return None
    return Fault(
        Kind.CONFLICT,
        "E605",
        "the folder is there but holds no database",
        at=str(folder.home),
        help="restore it, or move it away to begin anew",
    )


def _programs(folder: Folder, who: Identity) -> Binaries | Fault:
    major = cluster.existing_major(folder)
    found = programs.find(major)
    if not isinstance(found, Fault):
        return programs.usable_by(found, who, folder.programs)
    newer = programs.find()
    if major is None or isinstance(newer, Fault):
        return found
    return Fault(
        Kind.CONFLICT,
        "E605",
        f"the data folder was made by PostgreSQL {major}, the programs here are PostgreSQL {newer.version}",
        at=str(folder.pgdata),
        help=f"install PostgreSQL {major} beside it, or move the data with pg_dump or pg_upgrade",
    )


def _adopt_or_launch(folder: Folder, found: Binaries, who: Identity, lock: int, progress: Progress) -> Server | Fault:
    """Adopts a server that runs or starts; once every process of an earlier one is gone, launches a new one.

    Orphans of a killed postmaster end by themselves when they notice; after a while they are told to (SIGQUIT).
    """
    began = told = time.monotonic()
    while True:
        server = _adopt(folder, found, lock, progress)
        if server is not None:
            return server
        running = folders.vacant(folder)
        left = process.holders(folder.pgdata)
        if running is not None and not left:
            return _launch(folder, found, who, (lock, running), progress)
        if running is not None:
            os.close(running)
        if time.monotonic() - began > ORPHANS:
            for pid in left:
                process.send(pid, signal.SIGQUIT)
        if time.monotonic() - told > TELL:
            told = time.monotonic()
            progress("waiting for the last server's processes to end")
        time.sleep(POLL)


def _adopt(folder: Folder, found: Binaries, lock: int, progress: Progress) -> Server | Fault | None:
    """The server that already runs on this folder: its process works there and it tells the start time of its own pid file."""
    began, told = time.monotonic(), 0.0
    while (file := process.read_pid_file(folder.pgdata)) is not None and process.serves(file.pid, folder.pgdata):
        born = process.birth(file.pid)
        dsn = _dsn(folder, file.sockets, file.port)
        answer = file.ready and _answers(dsn, file)
        if isinstance(answer, Fault):
            return answer
        if answer:
            progress("found the database running")
            return Server(dsn, file.pid, True, found.version, born, lock)
        if time.monotonic() - told > TELL:
            told = time.monotonic()
            progress(f"the database is starting or stopping ({told - began:.0f} s)")
        time.sleep(POLL)
    return None


def _answers(dsn: str, file: PidFile) -> bool | Fault:
    asked = "select extract(epoch from pg_postmaster_start_time())::bigint, current_setting('data_directory')"
    try:
        with psycopg.connect(dsn, dbname="postgres", connect_timeout=10) as connection:
            row = connection.execute(asked).fetchone()
    except psycopg.OperationalError as error:
        if "authentication failed" in str(error):
            text = "the running database does not accept the password kept beside it"
            return Fault(Kind.FORBIDDEN, "E608", text, at=file.pgdata, help="restore the password file from a backup")
        return False
    return row is not None and abs(int(row[0]) - file.started) <= 2 and os.path.samefile(row[1], file.pgdata)


def _launch(folder: Folder, found: Binaries, who: Identity, locks: tuple[int, int], progress: Progress) -> Server | Fault:
    lock, running = locks
    sockets = folders.socket_folder(folder, who)
    if isinstance(sockets, Fault):
        return sockets
    # empty after a power cut, or their number is now another program's: nobody stands behind them, and they would stop the start
    for left in (folder.pgdata / "postmaster.pid", sockets / ".s.PGSQL.5432.lock", sockets / ".s.PGSQL.5432"):
        left.unlink(missing_ok=True)
    cluster.configure(folder, who, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    fixed = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "log_directory": str(folder.log),
    }
    command = [found.program("postgres"), "-D", str(folder.pgdata)]
    for name, value in fixed.items():
        command += ["-c", f"{name}={value}"]
    with open(folder.start_log, "wb") as log:
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **who.options()}
        options |= {"cwd": "/", "env": cluster.environment(), "start_new_session": True, "umask": 0o077, "pass_fds": [running]}
        child = subprocess.Popen(command, **options)
    os.close(running)
    return _ready(folder, found, child, lock, progress)


def _ready(folder: Folder, found: Binaries, child: subprocess.Popen[bytes], lock: int, progress: Progress) -> Server | Fault:
    began = told = time.monotonic()
    while child.poll() is None:
        file = process.read_pid_file(folder.pgdata)
        if file is not None and file.pid == child.pid and file.ready:
            dsn = _dsn(folder, file.sockets, file.port)
            return Server(dsn, child.pid, False, found.version, process.birth(child.pid), lock, child)
        if time.monotonic() - told > TELL:
            told = time.monotonic()
            progress(f"the database is starting ({told - began:.0f} s); after a crash it first replays its log")
        time.sleep(POLL)
    return Fault(
        Kind.UNAVAILABLE,
        "E607",
        f"the database server ended while starting: {cluster.tail(_said(folder))}",
        at=str(folder.home),
        help=f"see {folder.start_log} and {folder.log}",
    )


def _said(folder: Folder) -> str:
    """What the server complained of: before its log was open, or else in its log."""
    logs = sorted(folder.log.glob("*.log"), key=lambda path: path.stat().st_mtime)
    for path in (folder.start_log, *logs[-1:]):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if path != folder.start_log or any("FATAL:" in line or "PANIC:" in line for line in lines):
            return "\n".join(lines[-3:])
    return ""


def _dsn(folder: Folder, sockets: str, port: int) -> str:
    return make_conninfo(host=sockets, port=port, user=cluster.ROLE, dbname=cluster.DATABASE, passfile=str(folder.password))


def _with_database(server: Server) -> Server | Fault:
    try:
        with psycopg.connect(server.dsn, dbname="postgres", autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [cluster.DATABASE]).fetchone() is None:
                connection.execute(f'create database "{cluster.DATABASE}"')
    except psycopg.Error as error:
        server.end()
        return Fault(
            Kind.UNAVAILABLE,
            "E613",
            f"the database cannot be used: {type(error).__name__}",
            help="see the log folder of the database",
        )
    return server
