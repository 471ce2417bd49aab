"""Where a courier stands in its queue, and when it reads the queue from its start again. Pure; times are in seconds on one clock.

New parcels are numbered in the order of commits, so reading on misses none. What changes behind the number (a parcel sent again by an
operator, one replaced by newer bytes) is found by the next reading from the start. That takes a bounded share of the time, however long
the queue is.
"""

from __future__ import annotations

LOOK = 1.0  # between two readings from the start, at least
SHARE = 20  # a reading from the start that took so long is followed by so many times that of reading on
ANEW = 30.0  # after which it is read from its start though its end was not reached


class Place:
    """The number up to which the queue has been read."""

    __slots__ = ("_began", "_ended", "_spent", "after")

    def __init__(self, now: float) -> None:
        self.anew(now)

    def anew(self, now: float) -> None:
        """Goes to the start."""
        self.after, self._began, self._spent, self._ended = 0, now, 0.0, False

    def moved(self, last: int, end: bool, seconds: float) -> None:
        """Goes on to `last`, which took so long; `end` says that nothing lies behind it yet."""
        self.after = last
        if not self._ended:
            self._spent += seconds
        self._ended |= end

    def is_old(self, now: float) -> bool:
        """Whether it is time to read from the start again."""
        wait = max(LOOK, SHARE * self._spent) if self._ended else ANEW
        return now >= self._began + wait
