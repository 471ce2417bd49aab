"""What the standard says of segments, fields and data types, from small generated files (see generate.py), read when first asked.

A type that changed over the versions is given as of `DEFAULT_VERSION`, or the nearest version that has the field: CE reads
as CWE and TS as DTM, while withdrawn fields (PID-19) keep their last type.
"""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

DEFAULT_VERSION = "2.7"
_HERE = Path(__file__).parent


class Entry(NamedTuple):
    """A field of a segment or a component of a data type. `most` repetitions, 0 for any; `types` as (since version, type)."""

    title: str
    most: int
    types: tuple[tuple[str, str], ...]

    def type(self, version: str = DEFAULT_VERSION) -> str:
        """Its data type as of a version, or the nearest there is; '' when it never had one."""
        best = ""
        for since, name in self.types:
            if best and _number(since) > _number(version):
                break
            best = name
        return best

    def ever(self) -> set[str]:
        """Every data type it has had."""
        return {name for _, name in self.types}


@lru_cache(maxsize=256)
def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


@cache
def segments() -> dict[str, dict[int, Entry]]:
    """Segment name to its fields by number."""
    found: dict[str, dict[int, Entry]] = {}
    for line in (_HERE / "fields.txt").read_text("utf-8").splitlines():
        place, title, most, *types = line.split(" ")
        segment, number = place.split("-")
        found.setdefault(segment, {})[int(number)] = Entry(title, int(most), _types(*types))
    return found


@cache
def datatypes() -> dict[str, dict[int, Entry]]:
    """Data type to its components by number; primitive types are not in it."""
    found: dict[str, dict[int, Entry]] = {}
    for line in (_HERE / "datatypes.txt").read_text("utf-8").splitlines():
        place, title, *types = line.split(" ")
        name, number = place.split(".")
        found.setdefault(name, {})[int(number)] = Entry(title, 1, _types(*types))
    return found


@cache
def _types(*pairs: str) -> tuple[tuple[str, str], ...]:
    return tuple(map(_type, pairs))


@cache
def _type(pair: str) -> tuple[str, str]:
    since, name = pair.split(":")
    return sys.intern(since), sys.intern(name)


@lru_cache(maxsize=4096)
def is_primitive(type: str, component: int) -> bool:
    """True when that component of that type has no subcomponents: an unescaped `&` in it is text."""
    if not type or type == "varies":
        return False
    parts = datatypes().get(type)
    if parts is None:
        return True
    entry = parts.get(component)
    return entry is not None and entry.type() not in datatypes()
