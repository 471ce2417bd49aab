"""Signal quality: how good each lead is, and hints that an electrode is off or two are swapped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.signal.features import RATE
from inference.signal.filters import band
from inference.signal.prepare import Prepared

Array = NDArray[np.float32]
Indexes = NDArray[np.int64]

FLAT = 2.0  # µV in 200 ms: nothing is connected
SMALL = 30.0  # µV peak to peak of a whole lead: as good as nothing


@dataclass(frozen=True, slots=True)
class LeadQuality:
    """One lead's quality. `score` is 0 (useless) to 1; `state` good, fair, poor or off; noise and wander are RMS in µV."""

    lead: str
    score: float
    state: str
    noise: float
    wander: float
    signal: float  # median QRS peak to peak, µV; 0 without beats
    flat: float  # share of the time without any change
    missing: float  # share of the time not recorded
    clipped: float  # share of the time at the end of the range


def levels(x: Array, beats: Indexes) -> NDArray[np.float64]:
    """The median peak-to-peak size of the QRS complexes in each lead, µV."""
    if not len(beats):
        return np.zeros(len(x))
    some = beats[:: max(1, len(beats) // 64)]
    at = np.clip(some[:, None] + np.arange(-40, 41), 0, x.shape[1] - 1)
    window = x[:, at]
    size: NDArray[np.float64] = np.median(window.max(axis=2) - window.min(axis=2), axis=1).astype(np.float64)
    return size


def quality(p: Prepared, beats: Indexes) -> tuple[LeadQuality, ...]:
    """The quality of every lead; `beats` in samples at 500 Hz."""
    x = p.raw[:, : int(600 * RATE)]
    quick = x - band(x, RATE, 0.0, 35.0, margin=0.5)
    noise = 1.4826 * np.median(np.abs(quick), axis=1)
    wander = np.std(x - p.quiet[:, : x.shape[1]], axis=1)
    blocks = x[:, : x.shape[1] // 100 * 100].reshape(len(x), -1, 100)
    flat = (np.ptp(blocks, axis=2) < FLAT).mean(axis=1)
    top, bottom = x.max(axis=1, keepdims=True), x.min(axis=1, keepdims=True)
    edge = (x == top) | (x == bottom)
    clipped = (edge[:, 1:] & edge[:, :-1]).mean(axis=1)
    missing = p.missing.mean(axis=1)
    signal = levels(p.quiet, beats)
    reach = np.ptp(p.quiet, axis=1)
    found = []
    for i, lead in enumerate(p.leads):
        off = flat[i] > 0.8 or missing[i] > 0.8 or reach[i] < SMALL
        ratio = signal[i] / (noise[i] + 1.0)
        score = min(1.0, ratio / 40.0) * (1 - flat[i]) * (1 - missing[i]) * (1 - min(1.0, 10 * clipped[i]))
        score *= 1.0 / (1.0 + (wander[i] / 800.0) ** 2)
        score = 0.0 if off else float(score)
        state = "off" if off else "good" if score >= 0.5 else "fair" if score >= 0.2 else "poor"
        numbers = (noise[i], wander[i], signal[i])
        shares = (flat[i], missing[i], clipped[i])
        found.append(
            LeadQuality(
                lead, round(score, 3), state, *(round(float(v), 1) for v in numbers), *(round(float(v), 4) for v in shares)
            )
        )
    return tuple(found)
