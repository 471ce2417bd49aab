"""Intervals of the recording from the boundaries of its median beat, confirmed by the beats themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.signal.axis import DISAGREE, axis, disagreement, frontal
from inference.signal.delineate import Waves
from inference.signal.features import RATE
from inference.signal.globals import Span
from inference.signal.presence import COMMON
from inference.signal.values import Measurement

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MS = 1000.0 / RATE


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


def middle(table: Floats) -> Floats:
    """The median along the last axis, NaN left out (NaN where there is nothing else)."""
    count = np.isfinite(table).sum(axis=-1)
    ordered = np.sort(table, axis=-1)  # NaN last
    low, high = np.maximum(count - 1, 0) // 2, np.maximum(count // 2, 0)
    pick = [np.take_along_axis(ordered, np.minimum(i, table.shape[-1] - 1)[..., None], axis=-1)[..., 0] for i in (low, high)]
    found: Floats = np.where(count > 0, (pick[0] + pick[1]) / 2, np.nan)
    return found


def per_lead(waves: Mapping[str, Waves], leads: Sequence[str], good: Mask, beats: Mask) -> list[Measurement]:
    """P duration, PR, QRS and QT of each good lead: medians over those `beats` that show both ends."""
    at = {}
    for wave, w in waves.items():
        rows = w.beat >= 0
        onset, offset = np.full((2, len(leads), len(beats)), np.nan)
        onset[w.lead[rows], w.beat[rows]], offset[w.lead[rows], w.beat[rows]] = w.onset[rows], w.offset[rows]
        at[wave] = (onset[:, beats], offset[:, beats])
    pairs = (
        ("P_duration", at["P"][0], at["P"][1]),
        ("PR", at["P"][0], at["QRS"][0]),
        ("QRS", at["QRS"][0], at["QRS"][1]),
        ("QT", at["QRS"][0], at["T"][1]),
    )
    lengths = np.stack([(last - first) * MS for _, first, last in pairs])  # [4, leads, beats]
    counts = np.isfinite(lengths).sum(axis=-1)
    values = middle(lengths)
    scatter = 1.4826 * middle(np.abs(lengths - values[..., None]))
    share = counts / max(1, int(beats.sum()))
    sure = share / (1.0 + (scatter / 25.0) ** 2)
    found = []
    for lead in np.flatnonzero(good).tolist():
        for i, (label, _, _) in enumerate(pairs):
            if share[i, lead] >= COMMON:
                how = f"median over {counts[i, lead]} beats"
                found.append(
                    Measurement(label, round(float(values[i, lead]), 1), "ms", how, round(float(sure[i, lead]), 3), leads[lead])
                )
    return found


def axes(samples: Mapping[str, Array], spans: Mapping[str, Span]) -> list[Measurement]:
    """P, QRS and T axes in degrees from the median beat; those whose waves are there and point somewhere."""
    plane = frontal(samples)
    if plane is None or "QRS" not in spans:
        return []
    stop = max(1, round(spans["QRS"].onset) - 2)
    one, foot = (lead - np.median(lead[max(0, stop - 8) : stop]) for lead in plane)
    trust = 0.3 if disagreement(samples) > DISAGREE else 1.0
    found = []
    for wave, span in spans.items():
        points = axis(one, foot, max(0, round(span.onset)), round(span.offset) + 1)
        if points is not None:
            degrees, size = points
            sure = round(trust * span.sure * size / (size + 15.0), 3)
            found.append(Measurement(f"{wave}_axis", round(degrees, 1), "deg", "net areas in I and aVF, median beat", sure))
    return found
