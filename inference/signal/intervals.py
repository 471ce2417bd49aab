"""Intervals of the recording from the boundaries of its median beat, confirmed by the beats themselves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from inference.signal.axis import axis, frontal
from inference.signal.delineate import Waves
from inference.signal.features import RATE
from inference.signal.globals import Span
from inference.signal.values import Measurement

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

MS = 1000.0 / RATE
COMMON = 0.4  # share of the beats that must show a P wave for the recording to have one


def carried(waves: Waves, beats: Mask, good: Mask) -> float:
    """The share of `beats` [beats] in which at least a quarter of the `good` leads show the wave."""
    if not beats.any() or not good.any():
        return 0.0
    seen = np.zeros((len(good), len(beats)), bool)
    rows = waves.beat >= 0
    seen[waves.lead[rows], waves.beat[rows]] = True
    share = seen[good].mean(axis=0) >= 0.25
    return float(share[beats].mean())


def intervals(spans: Mapping[str, Span], count: int) -> list[Measurement]:
    """P duration, PR, QRS and QT in ms from the boundaries over all leads; those whose waves are there."""
    p, q, t = spans.get("P"), spans.get("QRS"), spans.get("T")
    how = f"median of {count} beats, first onset to last offset over the leads"
    found = []
    if q is not None:
        found.append(Measurement("QRS", round((q.offset - q.onset) * MS, 1), "ms", how, q.sure))
    if p is not None and q is not None and q.onset > p.onset:
        both = round(min(p.sure, q.sure), 3)
        found.append(Measurement("P_duration", round((p.offset - p.onset) * MS, 1), "ms", how, p.sure))
        found.append(Measurement("PR", round((q.onset - p.onset) * MS, 1), "ms", how, both))
    if t is not None and q is not None:
        found.append(Measurement("QT", round((t.offset - q.onset) * MS, 1), "ms", how, round(min(t.sure, q.sure), 3)))
    return found


def per_lead(waves: Mapping[str, Waves], lead: int, name: str, beats: Mask) -> list[Measurement]:
    """P duration, PR, QRS and QT of one lead: medians over those `beats` that show both ends."""
    n = len(beats)
    at = {}
    for wave, w in waves.items():
        rows = (w.lead == lead) & (w.beat >= 0)
        onset, offset = np.full(n, np.nan), np.full(n, np.nan)
        onset[w.beat[rows]], offset[w.beat[rows]] = w.onset[rows], w.offset[rows]
        at[wave] = (onset, offset)
    pairs = (
        ("P_duration", at["P"][0], at["P"][1]),
        ("PR", at["P"][0], at["QRS"][0]),
        ("QRS", at["QRS"][0], at["QRS"][1]),
        ("QT", at["QRS"][0], at["T"][1]),
    )
    found = []
    for label, first, last in pairs:
        length = (last - first)[beats] * MS
        length = length[np.isfinite(length)]
        share = len(length) / max(1, int(beats.sum()))
        if len(length) and share >= COMMON:
            scatter = 1.4826 * float(np.median(np.abs(length - np.median(length))))
            sure = round(share / (1.0 + (scatter / 25.0) ** 2), 3)
            how = f"median over {len(length)} beats"
            found.append(Measurement(label, round(float(np.median(length)), 1), "ms", how, sure, name))
    return found


def axes(samples: Mapping[str, Array], spans: Mapping[str, Span]) -> list[Measurement]:
    """P, QRS and T axes in degrees from the median beat; those whose waves are there and point somewhere."""
    plane = frontal(samples)
    if plane is None or "QRS" not in spans:
        return []
    stop = max(1, round(spans["QRS"].onset) - 2)
    one, foot = (lead - np.median(lead[max(0, stop - 8) : stop]) for lead in plane)
    found = []
    for wave, span in spans.items():
        points = axis(one, foot, max(0, round(span.onset)), round(span.offset) + 1)
        if points is not None:
            degrees, size = points
            sure = round(span.sure * size / (size + 15.0), 3)
            found.append(Measurement(f"{wave}_axis", round(degrees, 1), "deg", "net areas in I and aVF, median beat", sure))
    return found
