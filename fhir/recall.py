"""What was made of objects that come again as the very same ones.

Mappings remember codes, units, ranges, times and persons, so most elements of a resource stood in resources before it; and nobody
changes a value once it is made. What is worked out of such an object is kept with it: by its identity, which costs less to look up
than any comparison, and alive, so that no other object can be taken for it.
"""

from __future__ import annotations

from sys import getrefcount
from typing import Any

FEW, MANY = 128, 8192  # objects kept, at first and at most


class Recall(dict[int, tuple[Any, ...]]):
    """Tuples by the identity of the object that is their first member. Threads may share it."""

    __slots__ = ("_most",)

    def __init__(self) -> None:
        super().__init__()
        self._most = FEW

    def keep(self, held: tuple[Any, ...]) -> None:
        """Keeps one; when there are too many, those go whose object nobody else holds, since it cannot come again, or the older half."""
        if len(self) >= self._most:
            kept = list(self.values())  # at once: another thread may add one meanwhile
            gone = [one for one in kept if getrefcount(one[0]) <= ALONE]
            if len(kept) - len(gone) > MANY // 2:
                gone = kept[: len(kept) // 2]
            for one in gone:
                self.pop(id(one[0]), None)
            self._most = min(MANY, max(FEW, 2 * len(self)))
        self[id(held[0])] = held


def _alone() -> int:
    held: tuple[Any, ...] = ({},)
    return getrefcount(held[0])


ALONE = _alone()  # how often an object is counted that nothing but its tuple holds
