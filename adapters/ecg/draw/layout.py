"""Where each lead stands on the page: rows of segments, each a lead and a stretch of time.

Layouts: 3x4 with rhythm strips, 6x2, 12x1; fewer than six of the standard leads stand one below the other,
and what they have beyond the width of the page goes on below, as paper would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from adapters.ecg.leads import STANDARD

MOST_ROWS = 6  # of few leads: 27 mm each
LAYOUTS = {"3x4": (3, 4), "6x2": (6, 2), "12x1": (12, 1)}


@dataclass(frozen=True, slots=True)
class Segment:
    """A lead from `begin` on for `seconds`, drawn from `at` seconds behind the left end of its row."""

    lead: str
    begin: float
    seconds: float
    at: float


def rows(
    layout: str, leads: Sequence[str], rhythm: Sequence[str], seconds: float, begin: float = 0.0, duration: float = 0.0
) -> list[list[Segment]]:
    """Rows of segments from the top: the layout's own, then a row for each rhythm strip; of few leads, as many as the page holds."""
    shape = LAYOUTS.get(layout)
    if shape is None or len(set(STANDARD) & set(leads)) < 6:
        turns = min(MOST_ROWS // max(1, len(leads)), ceil(round((duration - begin) / seconds, 6)))
        return [[Segment(lead, begin + n * seconds, seconds, 0.0)] for n in range(max(1, turns)) for lead in leads[:12]]
    down, across = shape
    each = seconds / across
    out = []
    for row in range(down):
        names = [STANDARD[row + down * column] for column in range(across)]
        out.append([Segment(name, begin + n * each, each, n * each) for n, name in enumerate(names) if name in leads])
    extra = [lead for lead in leads if lead not in STANDARD]
    strips = [lead for lead in (*rhythm, *extra) if lead in leads] if layout != "12x1" else extra
    return out + [[Segment(lead, begin, seconds, 0.0)] for lead in strips[: max(0, 12 - down)]]
