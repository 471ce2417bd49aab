"""The median beat: the beats of the leading kind, aligned to each other, and the median of every sample of every lead.

What repeats stays, what does not (noise, fibrillation, the odd beat) goes: the measurements of a recording are taken on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.signal.features import RATE

Array = NDArray[np.float32]
Indexes = NDArray[np.int64]

MOST = 60  # beats that make a median
SLACK = 15  # samples a beat may be moved to fit the others


@dataclass(frozen=True, slots=True)
class Median:
    """Median beats [leads, n] at 500 Hz; the beat itself stands at sample `at`; `count` beats went in."""

    samples: Array
    at: int
    count: int


def span(beats: Indexes) -> tuple[int, int]:
    """Samples before and after the beat that a median shows: the typical RR interval, at most 1.3 s."""
    rr = float(np.median(np.diff(beats))) if len(beats) > 1 else 1.0 * RATE
    rr = min(max(rr, 0.3 * RATE), 1.3 * RATE)
    before = int(min(0.42 * rr + 30, 0.5 * rr if rr < 0.5 * RATE else 0.4 * RATE))
    return before, int(rr) - before


def windows(x: Array, beats: Indexes, before: int, after: int) -> Array:
    """[beats, leads, before + after] of leads [leads, n]; beats too near an end must be left out before."""
    at = beats[:, None] + np.arange(-before, after)
    return np.ascontiguousarray(x[:, at].transpose(1, 0, 2))


def align(x: Array, beats: Indexes) -> Indexes:
    """Beats moved by up to 30 ms so that their complexes match their median."""
    half = 50
    inside = (beats - half - SLACK >= 0) & (beats + half + SLACK < x.shape[1])
    if inside.sum() < 2:
        return beats
    wide = windows(x, beats[inside], half + SLACK, half + SLACK + 1)
    template = np.median(wide[:, :, SLACK:-SLACK], axis=0)
    width = template.shape[1]
    gap = np.stack([np.abs(wide[:, :, by : by + width] - template).sum(axis=(1, 2)) for by in range(2 * SLACK + 1)], axis=1)
    moved = beats.copy()
    moved[inside] += gap.argmin(axis=1) - SLACK
    return moved


def median_beat(x: Array, beats: Indexes, quiet: Array) -> Median | None:
    """The median beat of leads [leads, n] over `beats`, aligned on `quiet` (baseline removed); None when no beat is whole."""
    before, after = span(beats)
    whole = beats[(beats - before - SLACK >= 0) & (beats + after + SLACK < x.shape[1])]
    if not len(whole):
        return None
    some = whole[np.linspace(0, len(whole) - 1, min(MOST, len(whole))).astype(np.int64)]
    aligned = align(quiet, some)
    return Median(np.median(windows(x, aligned, before, after), axis=0).astype(np.float32), before, len(aligned))


def tile(median: Median) -> tuple[Array, Indexes]:
    """Half a median beat, a whole one and half of one, each lead's ends joined: a rhythm to delineate; and where the beats stand."""
    x = median.samples
    n = x.shape[1]
    step = x[:, -5:].mean(axis=1, keepdims=True) - x[:, :5].mean(axis=1, keepdims=True)
    level = x - step * np.linspace(-0.5, 0.5, n, dtype=np.float32)
    level -= np.median(level, axis=1, keepdims=True)
    half = n // 2
    row = np.concatenate([level[:, half:], level, level[:, :half]], axis=1)
    at = median.at - half + n * np.arange(3)
    return row, at[(at >= 0) & (at < row.shape[1])]
