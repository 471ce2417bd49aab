"""Whether a recording carries P waves at all: in atrial fibrillation a few are seen by chance, and there is none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from inference.signal.delineate import Waves

Mask = NDArray[np.bool_]
Indexes = NDArray[np.int64]

COMMON = 0.4  # share of the beats that must show a wave for the recording to have it
LEADS = 0.25  # share of the leads that must show it in a beat
NEAR = 15  # beats that are looked at together


def seen(waves: Waves, beats: int, good: Mask) -> Mask:
    """Which of the beats show the wave in at least a quarter of the `good` leads."""
    table = np.zeros((len(good), beats), np.bool_)
    rows = waves.beat >= 0
    table[waves.lead[rows], waves.beat[rows]] = True
    return np.asarray(table[good].mean(axis=0) >= LEADS) if good.any() else np.zeros(beats, np.bool_)


def carried(waves: Waves, beats: Mask, good: Mask) -> float:
    """The share of `beats` [beats] that show the wave."""
    return float(seen(waves, len(beats), good)[beats].mean()) if beats.any() else 0.0


def where_common(waves: Waves, beats: Indexes, good: Mask) -> Waves:
    """The waves of those stretches of beats in which they are common; a wave without a beat goes with the nearest."""
    share = uniform_filter1d(seen(waves, len(beats), good).astype(np.float64), NEAR, mode="reflect")
    after = np.clip(np.searchsorted(beats, waves.peak), 0, len(beats) - 1)
    return waves.take(share[np.where(waves.beat >= 0, waves.beat, after)] >= COMMON)
