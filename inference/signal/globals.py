"""The boundaries of a recording from those of its leads: where P, QRS and T begin in any lead and end in any lead, robustly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.signal.delineate import Waves

Floats = NDArray[np.float64]

EARLY = {"P": 8.0, "QRS": 8.0, "T": 10.0}  # percentile of the leads' onsets
LATE = {"P": 92.0, "QRS": 92.0, "T": 90.0}  # percentile of the leads' offsets


@dataclass(frozen=True, slots=True)
class Span:
    """One wave over all leads: onset and offset, how many leads show it, and how sure it is (0..1)."""

    onset: float
    offset: float
    leads: int
    sure: float


def spread(values: Floats) -> float:
    """A robust standard deviation, samples."""
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) if len(values) else 0.0


def span(onset: Floats, offset: Floats, sure: Floats, wave: str, possible: int) -> Span | None:
    """The wave over all leads from its boundaries in each; None when fewer than a quarter of the `possible` leads show it."""
    count = len(onset)
    if not count or count < 0.25 * possible:
        return None
    first, last = float(np.percentile(onset, EARLY[wave])), float(np.percentile(offset, LATE[wave]))
    agree = 1.0 / (1.0 + ((spread(onset) + spread(offset)) / 20.0) ** 2)
    share = min(1.0, count / (0.6 * possible))
    return Span(first, last, count, round(float(sure.mean()) * agree * share, 3))


def spans(waves: dict[str, Waves], beat: int, good: NDArray[np.bool_]) -> dict[str, Span]:
    """The waves of one beat over the leads that are `good` [leads]; only those that are there."""
    found = {}
    for wave, w in waves.items():
        rows = (w.beat == beat) & good[w.lead]
        one = span(w.onset[rows], w.offset[rows], w.sure[rows], wave, int(good.sum()))
        if one is not None:
            found[wave] = one
    return found
