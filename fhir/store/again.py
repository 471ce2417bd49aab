"""Resources that are written again and again as the very same object: persons and places, which mappings remember.

Such a Put is known by what it left stored. Where that is what is stored now (their digests agree), writing it changes nothing, and
nothing of it needs to be read, merged or compared. A Put and its body are never changed once they are made.
"""

from __future__ import annotations

from typing import Any

from engine.types import Put
from fhir.recall import Recall


class Again:
    """The digest each of the newest merging Puts left."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = Recall()

    def known(self, change: Any) -> bool:
        """Whether this very Put was written before."""
        return id(change) in self._left

    def digest(self, change: Any) -> bytes | None:
        """The digest of the resource after it."""
        held = self._left.get(id(change))
        return held[1] if held is not None else None

    def keep(self, change: Put, digest: bytes) -> None:
        """Notes what it left."""
        if change.merge:
            self._left.keep((change, digest))


AGAIN = Again()
