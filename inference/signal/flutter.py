"""Ventricular flutter and fibrillation: episodes in which there are no beats to count.

In windows of 4 s three things are asked: does the signal stay away from the baseline (threshold crossings, Arafat et al., 2011), is
it nearly a sine (the leakage of the VF filter, Kuo and Dillman, 1978), and is its power in one narrow line between 2 and 8 Hz.
A window that says yes to all begins an episode, its neighbours may say so less clearly; an episode lasts 3 s at least.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.signal.filters import band

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOW, HOP = 4.0, 1.0  # s
CLEAR = (0.60, 0.46, 0.50)  # away from the baseline above, leakage below, power in the line above
LIKELY = (0.45, 0.66, 0.30)
SHORTEST = 3.0  # s
APART = 3.0  # s: closer episodes are one
AT_ONCE = 256  # windows looked at in one go
MARGIN = 0.8  # s about the middles of the first and the last window that belong to the episode


def leakage(windows: Floats) -> Floats:
    """What is left when each window is added to itself half a period later, relative: 0 for a sine, near 1 for a rhythm."""
    size = np.abs(windows).sum(axis=1)
    change = np.abs(np.diff(windows, axis=1)).sum(axis=1) + 1e-6
    half = np.clip(np.round(np.pi * size / change + 0.5).astype(np.int64), 2, windows.shape[1] // 2)
    left = np.ones(len(windows))
    for k in np.unique(half):
        rows = windows[half == k]
        total = (np.abs(rows[:, k:]) + np.abs(rows[:, :-k])).sum(axis=1)
        left[half == k] = np.abs(rows[:, k:] + rows[:, :-k]).sum(axis=1) / np.maximum(total, 1e-6)
    return left


def afar(windows: Floats) -> Floats:
    """The share of each window that is away from the baseline."""
    size = np.abs(windows)
    top = np.percentile(size, 98, axis=1, keepdims=True) + 1.0
    return np.asarray((size > 0.2 * top).mean(axis=1))


def lined(windows: Floats, rate: float) -> Floats:
    """The share of each window's power that lies in one narrow line at 2–8 Hz."""
    power = np.abs(np.fft.rfft(windows * np.hanning(windows.shape[1]), axis=1)) ** 2
    f = np.fft.rfftfreq(windows.shape[1], 1.0 / rate)
    line = f[power[:, f < 10].argmax(axis=1)]
    near = np.abs(f - line[:, None]) < 0.6
    share = (power * near).sum(axis=1) / (power.sum(axis=1) + 1e-6)
    share[(line < 2.0) | (line > 8.0)] = 0.0
    return np.asarray(share)


def votes(windows: NDArray[np.floating[Any]], rate: float) -> tuple[Mask, Mask]:
    """Which windows [leads, count, n] are flutter clearly, and which likely: most of the leads must say so."""
    leads, count, n = windows.shape
    rows, most = windows.reshape(-1, n).astype(np.float64), 0.5 if leads > 1 else 0.0
    away = afar(rows).reshape(leads, count)
    if not ((away > LIKELY[0]).mean(axis=0) > most).any():  # as a rule; nothing that follows would change it
        return np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    left, share = leakage(rows).reshape(leads, count), lined(rows, rate).reshape(leads, count)
    clear, likely = (((away > a) & (left < b) & (share > c)).mean(axis=0) > most for a, b, c in (CLEAR, LIKELY))
    return clear, likely | clear


def episodes(x: Array, rate: float) -> list[tuple[int, int]]:
    """(first, last) sample of each episode in leads [leads, n]; most of the leads must show it."""
    if x.shape[-1] < (WINDOW + HOP) * rate or not len(x):
        return []
    step = max(1, int(rate // 90))
    slow = rate / step
    quiet = band(x, rate, 1.0, 25.0, margin=0.5)[:, ::step]
    windows = np.lib.stride_tricks.sliding_window_view(quiet, int(WINDOW * slow), axis=1)[:, :: int(HOP * slow)]
    parts = [votes(windows[:, at : at + AT_ONCE], slow) for at in range(0, windows.shape[1], AT_ONCE)]
    clear, likely = (np.concatenate([part[which] for part in parts]) for which in (0, 1))
    edges = np.flatnonzero(np.diff(np.r_[0, likely.astype(np.int8), 0]))
    found: list[tuple[int, int]] = []
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        middle = int(HOP * slow) / slow * np.array([first, stop - 1]) + WINDOW / 2
        begin, end = middle[0] - MARGIN, middle[1] + MARGIN
        if clear[first:stop].any() and end - begin >= SHORTEST + HOP:
            last = x.shape[-1] - 1
            start = 0 if first == 0 else int(begin * rate)
            if found and start - found[-1][1] < APART * rate:
                start = found.pop()[0]
            found.append((start, last if stop == len(likely) else min(last, int(end * rate))))
    return found


def outside(beats: NDArray[np.int64], found: list[tuple[int, int]]) -> NDArray[np.int64]:
    """The beats in none of the episodes."""
    keep = np.ones(len(beats), np.bool_)
    for first, last in found:
        keep &= (beats < first) | (beats > last)
    return beats[keep]
