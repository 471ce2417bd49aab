"""What a page is made of: lines, tracings and texts in millimetres from the upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # [n, 2]: x, y in mm


@dataclass(frozen=True, slots=True)
class Lines:
    """Straight strokes of one width and colour: [n, 4], x1 y1 x2 y2."""

    strokes: NDArray[np.float64]
    width: float
    colour: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A polyline; `lead` names what it shows, empty for a calibration pulse."""

    points: Points
    lead: str = ""
    width: float = 0.25
    colour: str = "#111111"


@dataclass(frozen=True, slots=True)
class Text:
    """Words whose baseline begins (or ends, or has its middle) at x, y; `size` in mm."""

    x: float
    y: float
    size: float
    words: str
    anchor: str = "start"
    bold: bool = False
    colour: str = "#111111"


@dataclass(frozen=True, slots=True)
class Shade:
    """A filled rectangle behind everything else."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page: width and height, the box that tracings stay inside (x, y, width, height), and its shapes in drawing order."""

    width: float
    height: float
    box: tuple[float, float, float, float]
    lines: tuple[Lines, ...]
    traces: tuple[Trace, ...]
    texts: tuple[Text, ...]
    title: str = "Electrocardiogram"
    shades: tuple[Shade, ...] = ()


TOLERANCE = 0.05  # mm; with rounding to 0.01 mm a drawn line is never 0.06 mm off
PASSES = 8


def thinned(lines: Sequence[Points]) -> list[Points]:
    """The polylines without points that lie on the line of their neighbours, nowhere more than the tolerance away from it.

    Every other point is tried in each pass, of all lines together. A point goes if its distance and what was already lost on
    either side of it stay within the tolerance together; `lost` bounds that for the stretch behind each point. Ends stay.
    """
    if not lines:
        return []
    x, y = np.concatenate(lines).T.copy()
    ends = np.cumsum([len(line) for line in lines])
    line = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    end = np.zeros(len(x), np.bool_)
    end[ends - 1] = end[ends[:-1]] = end[0] = True
    lost = np.zeros(len(x))
    for turn in range(PASSES):
        at = np.arange(1 + turn % 2, len(x) - 1, 2)
        at = at[~end[at]]
        if not len(at):
            break
        left, run = x[at - 1], x[at + 1] - x[at - 1]
        share, height = (x[at] - left) / run, y[at - 1]
        worse = np.maximum(lost[at - 1], lost[at]) + np.abs(height + share * (y[at + 1] - height) - y[at])
        small = worse <= TOLERANCE
        gone = at[small]
        lost[gone - 1] = worse[small]
        kept = np.ones(len(x), np.bool_)
        kept[gone] = False
        x, y, lost, end, line = x[kept], y[kept], lost[kept], end[kept], line[kept]
    return np.split(np.column_stack([x, y]), np.searchsorted(line, np.arange(1, len(lines))))


def pieces(x: NDArray[Any], y: NDArray[Any]) -> list[Points]:
    """The unbroken stretches of a line with gaps (NaN in y)."""
    good = np.isfinite(y)
    if good.all():
        return [np.column_stack([x, y])] if len(y) > 1 else []
    edges = np.flatnonzero(np.diff(good.astype(np.int8))) + 1
    parts = np.split(np.arange(len(y)), edges)
    return [np.column_stack([x[part], y[part]]) for part in parts if len(part) > 1 and good[part[0]]]
