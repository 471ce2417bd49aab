"""A folder others write into: looked at without following a link, taken from by one rename, emptied into folders of our own.

A file is claimed by renaming it into `.taken`, so that what was read is what is moved on; what a crash leaves there is read again. A lock
in that folder keeps a second process away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.fault import Fault, Kind

TAKEN = ".taken"
MOST = 10_000  # files looked at at once
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ODD = re.compile(r"[^A-Za-z0-9._ -]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file of the folder, as it looks from outside."""

    name: str
    size: int
    changed: int  # ns
    number: int  # inode


def entries(folder: Path) -> list[Entry]:
    """The regular files, oldest first; links, pipes, folders and hidden names are not among them."""
    found = []
    with os.scandir(folder) as listing:
        for item in listing:
            if item.name.startswith(".") or not item.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(FileNotFoundError):
                state = item.stat(follow_symlinks=False)
                if state.st_nlink == 1:  # a second name may be somebody else's file, or one still being put there
                    found.append(Entry(item.name, state.st_size, state.st_mtime_ns, state.st_ino))
            if len(found) >= MOST:
                break
    return sorted(found, key=lambda one: (one.changed, one.name))


@contextmanager
def opened(folder: Path, name: str = "") -> Iterator[int]:
    """The folder as a file descriptor; with a name a folder below it, made when it is not there, never a link."""
    base = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not name:
            yield base
            return
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=base)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=base)
        try:
            yield inner
        finally:
            os.close(inner)
    finally:
        os.close(base)


def lock(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None while another process holds it."""
    with opened(folder, TAKEN) as taken:
        held = os.open(".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=taken)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def left(folder: Path) -> list[str]:
    """What was claimed and not moved on."""
    with opened(folder, TAKEN) as taken:
        return sorted(name for name in os.listdir(taken) if name != ".lock")


def claim(folder: Path, name: str) -> bool:
    """Takes a file; False when it is gone, or one of its name is still being worked."""
    with opened(folder) as base, opened(folder, TAKEN) as taken:
        try:
            os.stat(name, dir_fd=taken, follow_symlinks=False)
        except FileNotFoundError:
            pass
        else:
            return False
        try:
            os.rename(name, name, src_dir_fd=base, dst_dir_fd=taken)
        except FileNotFoundError:
            return False
    return True


def read(folder: Path, name: str, most: int) -> bytes | Fault:
    """The bytes of a claimed file, or why it is none that is taken."""
    with opened(folder, TAKEN) as taken:
        try:
            file = os.open(name, _FLAGS, dir_fd=taken)
        except OSError:
            return _refused("it is a link or cannot be opened")
        with open(file, "rb") as stream:
            state = os.fstat(file)
            if not stat.S_ISREG(state.st_mode):
                return _refused("it is no regular file")
            body = stream.read(most + 1)
    return body if len(body) <= most else _refused(f"it is larger than {most} bytes")


def finish(folder: Path, name: str, where: str, mark: Callable[[], str]) -> None:
    """Moves a claimed file on into the folder `where`, or removes it where that is empty; `mark` tells two of one name apart."""
    with opened(folder, TAKEN) as taken:
        if not where:
            os.unlink(name, dir_fd=taken)
            return
        with opened(folder, where) as target:
            to = plain(name)
            try:
                os.stat(to, dir_fd=target, follow_symlinks=False)
            except FileNotFoundError:
                pass
            else:
                to = f"{mark()}-{to}"
            os.rename(name, to, src_dir_fd=taken, dst_dir_fd=target)


def plain(name: str) -> str:
    """The name in letters, digits and `._ -`, never hidden, at most 150 characters."""
    return _ODD.sub("_", name).lstrip(". ")[:150] or "_"


def _refused(why: str) -> Fault:
    return Fault(Kind.INCORRECT, "E733", f"the file cannot be taken: {why}", help="it lies in the folder of failed files")
