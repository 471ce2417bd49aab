"""A moving average for each series apart: a value never mixes with another series', nor with one that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from adapters.ecg.trends.point import Point

DIGITS = Decimal("0.01")
NAMES = ("minimum", "average", "maximum")


def smoothed(points: Sequence[Point], width: int) -> list[Point]:
    """The points in their order, each value the mean of up to `width` valid ones around it in its series."""
    if width <= 1:
        return list(points)
    out = list(points)
    series: dict[str, list[int]] = {}
    for place, point in enumerate(points):
        series.setdefault(point.series, []).append(place)
    for places in series.values():
        low, mean, high = (_means([getattr(points[place], name) for place in places], width) for name in NAMES)
        for n, place in enumerate(places):
            out[place] = replace(points[place], minimum=low[n], average=mean[n], maximum=high[n])
    return out


def _means(values: Sequence[Decimal | None], width: int) -> list[Decimal | None]:
    """Centred means over running sums; what is missing stays missing and counts for nothing."""
    sums, counts = [Decimal(0)], [0]
    for value in values:
        sums.append(sums[-1] + (value or 0))
        counts.append(counts[-1] + (value is not None))
    found: list[Decimal | None] = []
    for n, value in enumerate(values):
        low, high = max(0, n - (width - 1) // 2), min(len(values), n + width // 2 + 1)
        count = counts[high] - counts[low]
        found.append(None if value is None else ((sums[high] - sums[low]) / count).quantize(DIGITS))
    return found
