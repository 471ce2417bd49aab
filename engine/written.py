"""What analysts wrote, as it was read: the files of the channels' and the mappings' folders.

A deployment is made of such a value, so that a process that begins later has the very same one, whatever stands in the folders by then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.diagnostic import Diagnostic
from engine.document import passed_over
from engine.mapping.library import read_files


@dataclass(frozen=True, slots=True)
class Written:
    """Files by their names below their folder: of channels (also `alerts/x.yaml`), and the texts of mappings, tables and parts."""

    channels: Mapping[str, bytes]
    mappings: Mapping[str, str]
    passed: tuple[Diagnostic, ...] = ()  # over: files that nobody reads

    def inside(self, folder: str = "") -> list[str]:
        """The names of the channels' files of one folder below theirs, or of theirs itself, in order."""
        return sorted(name for name in self.channels if str(PurePosixPath(name).parent) == (folder or "."))


def gather(channels: Path, mappings: Path, folders: Collection[str]) -> Written:
    """Reads both folders, with those `folders` below the channels'; raises OSError."""
    found: dict[str, bytes] = {}
    for below in ("", *folders):
        for path in (channels / below).glob("*.yaml"):
            if path.is_file():
                found[path.relative_to(channels).as_posix()] = path.read_bytes()
    passed = [
        one
        for top, below in ((mappings, ("", "tables")), (channels, ("", *folders)))
        for name in below
        for one in passed_over(top / name, f"{top.name}/{name}".rstrip("/"))
    ]
    return Written(found, read_files(mappings), tuple(passed))
