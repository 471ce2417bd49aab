"""Retry schedules in words: `every 5s, doubling to 10m, for 24h`; also `every 30s, for 1h`, and `once`.

    schedule := "once" | "every" time [ "," "doubling" "to" time ] [ "," "for" time ]
    time     := number ("ms" | "s" | "m" | "h" | "d")

How long is counted in the waits themselves, not on the wall's clock, so that a clock that jumps neither ends nor prolongs a retry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.fault import Fault, Kind

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
TIME = r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)"
WORDS = re.compile(rf"every\s+{TIME}(?:\s*,\s*doubling\s+to\s+{TIME})?(?:\s*,\s*for\s+{TIME})?")
JITTER = 0.2  # of the wait, either way


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds between tries: `first`, doubling up to `most`, until the waits together would exceed `span` (None: for ever)."""

    first: float = 5.0
    most: float = 600.0
    span: float | None = 86400.0

    def wait(self, failed: int) -> float | None:
        """Seconds after so many failed tries (from 1) until the next one; None when it is given up."""
        if self.span is not None and sum(self._step(n) for n in range(1, failed + 1)) > self.span:
            return None
        return self._step(failed)

    def _step(self, failed: int) -> float:
        return min(self.most, self.first * 2.0 ** min(failed - 1, 60))


def spread(seconds: float, chance: float) -> float:
    """A wait moved by up to JITTER either way; `chance` is from 0 to 1. Keeps many senders from knocking at once."""
    return seconds * (1 - JITTER + 2 * JITTER * chance)


def parse(text: str) -> Schedule | Fault:
    """Reads a schedule."""
    plain = " ".join(text.lower().split())
    if plain == "once":
        return Schedule(1.0, 1.0, 0.0)
    found = WORDS.fullmatch(plain)
    if found is None:
        return _wrong(text)
    every, most, span = (_seconds(found[n], found[n + 1]) for n in (1, 3, 5))
    if every is None or every <= 0 or (most is not None and most < every):
        return _wrong(text)
    return Schedule(every, every if most is None else most, span)


def _seconds(number: str | None, unit: str | None) -> float | None:
    return float(number) * UNITS[unit] if number and unit else None


def _wrong(text: str) -> Fault:
    return Fault(
        Kind.INCORRECT,
        "E701",
        f"`{text[:80]}` is no retry schedule",
        help="for example `every 5s, doubling to 10m, for 24h`, or `once`",
    )
