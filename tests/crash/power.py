"""A power cut, as a data folder would show it: of what was written since the last checkpoint any part may be missing, in sectors.

PostgreSQL promises to bring back every commit it confirmed from three things only: the pages as they were at the last checkpoint, the log
up to where it was flushed, and the control file. So each sector of each page becomes the old or the new one by chance (a torn page),
what files grew by may be gone, and the log ends where it was last flushed. Source: PostgreSQL's manual, chapter 28 (reliability and the
write-ahead log), and storage-page-layout (a page begins with the log's place it was last changed at).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

SECTOR, PAGE = 512, 8192  # bytes
SEGMENT = 16 * 1024 * 1024
PLACES = ("base", "global", "pg_xact")
RELATION = re.compile(r"[0-9A-F]+(?:_fsm|_vm)?(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Before:
    """The pages of a server's files, read when a checkpoint had just ended."""

    pages: dict[Path, bytes]

    @classmethod
    def of(cls, pgdata: Path) -> Before:
        return cls({path: path.read_bytes() for path in relations(pgdata)})

    def written(self, pgdata: Path) -> int:
        """How many pages differ by now."""
        count = 0
        for path in relations(pgdata):
            old, new = self.pages.get(path, b""), path.read_bytes()
            count += sum(old[at : at + PAGE] != new[at : at + PAGE] for at in range(0, len(new), PAGE)) if old != new else 0
        return count


def relations(pgdata: Path) -> list[Path]:
    """Tables, indexes and the states of transactions."""
    found = [path for place in PLACES for path in (pgdata / place).rglob("*")]
    return sorted(path for path in found if path.is_file() and RELATION.fullmatch(path.name))


def cut(pgdata: Path, before: Before, flushed: int, chance: random.Random) -> int:
    """Takes the power from a server that was killed; `flushed` is the place up to which its log was. The number of pages torn."""
    torn = 0
    for path in relations(pgdata):
        old, new = before.pages.get(path, b""), path.read_bytes()
        if old == new:
            continue
        pages = []
        for at in range(0, len(new), PAGE):
            one, other = old[at : at + PAGE].ljust(PAGE, b"\0"), new[at : at + PAGE]
            page = mixed(one, other, chance) if place(other) <= flushed or path.parent.name == "pg_xact" else one
            torn += page not in (one, other)
            pages.append(page)
        if path.parent.name != "pg_xact" and len(old) < len(new) and chance.random() < 0.5:
            pages = pages[: len(old) // PAGE]
        path.write_bytes(b"".join(pages))
    for path in (pgdata / "pg_wal").iterdir():
        if re.fullmatch(r"[0-9A-F]{24}", path.name):
            begins = int(path.name[8:16], 16) << 32 | int(path.name[16:], 16) * SEGMENT
            with path.open("r+b") as log:
                keep = max(0, min(SEGMENT, flushed - begins))
                log.seek(keep)
                log.write(b"\0" * (SEGMENT - keep))
    (pgdata / "postmaster.pid").write_bytes(b"")
    return torn


def mixed(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """Each sector of the one or of the other."""
    return b"".join(chance.choice((old, new))[at : at + SECTOR] for at in range(0, PAGE, SECTOR))


def place(page: bytes) -> int:
    """The place in the log a page was last changed at: pd_lsn, two little-endian words, the high one first."""
    return int.from_bytes(page[:4], "little") << 32 | int.from_bytes(page[4:8], "little")
