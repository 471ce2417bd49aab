"""The data folder: where its parts lie, who holds it, and which file systems are refused.

postgres/data      PGDATA, of the server's user, 0700
postgres/password  a libpq password file, of the engine's user, 0600
postgres/start.log what the server said while starting;  postgres/log  a week of its log
postgres.lock      held by the engine that supervises
postgres.running   held by every process of the server, from before it starts until the last one is gone
programs/          a copy of the programs, where the server's user cannot read the originals
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.fault import Fault, Kind
from engine.postgres.identity import Identity

SOCKET_PATH = 107  # bytes of sun_path without its end, unix(7)
SOCKET_NAME = "/.s.PGSQL.5432.lock"
NETWORK = {"nfs", "nfs4", "cifs", "smbfs", "smb3", "ncpfs", "afs", "9p", "ceph", "lustre", "gpfs", "beegfs", "orangefs", "davfs"}
NETWORK_FUSE = ("fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.glusterfs", "fuse.ceph", "fuse.davfs", "fuse.gcsfuse")


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths below one data folder."""

    data: Path

    @property
    def home(self) -> Path:
        return self.data / "postgres"

    @property
    def pgdata(self) -> Path:
        return self.home / "data"

    @property
    def password(self) -> Path:
        return self.home / "password"

    @property
    def start_log(self) -> Path:
        return self.home / "start.log"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def programs(self) -> Path:
        return self.data / "programs"


def opened(data: Path) -> Folder | Fault:
    """Creates the data folder where it is missing; refuses one on a network file system or one that cannot be written."""
    data = Path(os.path.abspath(data))
    try:
        data.mkdir(mode=0o711, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            data.chmod(stat.S_IMODE(data.stat().st_mode) | 0o111)  # the server's user passes through; what lies below is closed
        probe = data / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Fault(
            Kind.FORBIDDEN,
            "E611",
            f"the data folder cannot be used: {error.strerror}",
            at=str(data),
            help="choose another by --data",
        )
    system = file_system(data.resolve(), Path("/proc/self/mountinfo"))
    if system in NETWORK or system.startswith(NETWORK_FUSE):
        return Fault(
            Kind.UNSUPPORTED,
            "E604",
            f"the data folder lies on a network file system ({system}), which does not keep a database safe",
            at=str(data),
            help="choose a folder on a local disk by --data, or name a database server by DATABASE_URL",
        )
    return Folder(data.resolve())


def file_system(path: Path, mounts: Path) -> str:
    """The type of the file system a path lies on, from proc_pid_mountinfo(5); '' where that file is absent."""
    best, kind = -1, ""
    if not mounts.is_file():
        return ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].encode().decode("unicode_escape"))
        if (path == point or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def locked(folder: Folder) -> int | Fault:
    """Takes the folder for this engine; the answer is the open file that holds it until it is closed or the process ends."""
    handle = _lock(folder.data / "postgres.lock")
    if handle is not None:
        return handle
    return Fault(
        Kind.BUSY,
        "E603",
        "another engine uses this data folder",
        at=str(folder.data),
        help="stop that one, or give this one a folder of its own by --data",
    )


def vacant(folder: Folder) -> int | None:
    """The lock that a server is started with, or None while any process of an earlier one is left.

    The server's processes inherit the open file. So a postmaster that an engine started just before it was killed counts from its
    first moment, before it has a pid file, and so does a backend that outlives its postmaster.
    """
    return _lock(folder.data / "postgres.running")


def _lock(path: Path) -> int | None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def socket_folder(folder: Folder, who: Identity) -> Path | Fault:
    """A private folder for the socket: in the data folder, or a short one where that path exceeds what unix(7) allows."""
    inside = folder.home / "run"
    if len(os.fsencode(f"{inside}{SOCKET_NAME}")) <= SOCKET_PATH:
        return _private(inside, who)
    name = f"isthmus-{hashlib.sha256(os.fsencode(folder.data)).hexdigest()[:12]}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for place in [Path(runtime)] if runtime and not who.switch else [Path("/run"), Path("/tmp")]:  # noqa: S108 - owner and mode are checked
        if os.access(place, os.W_OK) and len(os.fsencode(f"{place / name}{SOCKET_NAME}")) <= SOCKET_PATH:
            return _private(place / name, who)
    return _private(Path("/tmp") / name, who)  # noqa: S108


def _private(path: Path, who: Identity) -> Path | Fault:
    try:
        path.mkdir(mode=0o700)
        who.own(path)
    except FileExistsError:
        pass
    found = path.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == who.uid:
        path.chmod(0o700)
        return path
    return Fault(
        Kind.FORBIDDEN, "E611", "the folder for the database's socket belongs to someone else", at=str(path), help="remove it"
    )
