"""What stands in the index beside a resource, and what visits an element to put it there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Entries:
    """A resource's index entries; `tokens` and `exact` are ready for PostgreSQL's binary arrays."""

    __slots__ = ("exact", "high", "low", "patient", "ranges", "strings", "tokens")

    def __init__(self) -> None:
        self.tokens: list[bytes] = []
        self.exact: list[bytes] = []
        self.ranges: list[bytes] = []  # each a tag, a low and a high end
        self.strings: set[str] = set()
        self.low: int | None = None
        self.high: int | None = None
        self.patient: bytes | None = None


Visit = Callable[[Any, Entries], None]
