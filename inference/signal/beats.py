"""Beat detection: where the QRS complexes are, in one lead or in many.

The energy between 8 and 22 Hz, averaged over 80 ms and over the leads by how far their complexes stand out, is compared with the
local level of the complexes around it, past and future (the whole recording is at hand). Gaps are searched with a lower
threshold, and a second pass drops what is noisy, unlike its neighbours and early. The idea of adaptive levels and search-back is
Pan and Tompkins', IEEE Trans Biomed Eng 32:230 (1985).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import find_peaks

from inference.signal.doubt import doubtful
from inference.signal.filters import band

Array = NDArray[np.float32]
Indexes = NDArray[np.int64]

BAND = (8.0, 22.0)  # Hz
WINDOW = 0.08  # s, one complex
EDGE = 0.08  # s at either end that show half a complex at best
DEAD = 0.25  # s in which no second complex can follow
TWAVE = 0.36  # s in which something half as large is the T wave
KEEP = 0.34  # of the local level: a complex
SEARCH = 0.2  # of the local level: a complex, where one is missing
GAP = 1.6  # local RR intervals in which one is missing
NEAR = 9  # complexes that make up the local level


@dataclass(frozen=True, slots=True)
class Energy:
    """The working signals of a recording: band-passed leads [leads, n], their joint envelope [n], and its rate in Hz."""

    leads: Array
    envelope: Array
    rate: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """Peaks of the envelope: where (samples of the envelope), when (s), how high, and the level of complexes there."""

    at: Indexes
    time: NDArray[np.float64]
    height: NDArray[np.float64]
    level: NDArray[np.float64]


def local(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The running median over `size` neighbours."""
    smooth: NDArray[np.float64] = median_filter(values, size=size, mode="nearest")
    return smooth


def energy(x: Array, rate: float) -> Energy:
    """Band-passed leads and joint envelope; leads whose complexes stand out of their own floor count most."""
    step = max(1, int(rate // 120))
    y = band(x, rate, *BAND, margin=0.5)[:, ::step]
    slow = rate / step
    power = np.maximum(uniform_filter1d(y * y, max(1, round(WINDOW * slow)), axis=-1), 0.0)
    if len(x) == 1:
        return Energy(y, np.sqrt(power[0]), slow)
    top, floor = np.percentile(power, (97, 50), axis=-1)
    weight = np.minimum(top / (floor + 1e-3), 400.0) ** 2.0 / (top + 1e-3)
    best = np.argsort(-weight * top)[:3]
    joint = np.sqrt(np.einsum("l,ln->n", weight.astype(np.float32), power) / (weight.sum() + 1e-12))
    return Energy(np.ascontiguousarray(y[best] * np.sqrt(weight[best, None]).astype(np.float32)), joint, slow)


def candidates(found: Energy) -> Candidates | None:
    """Every peak of the envelope with the level that complexes have about it; None when nothing stands out."""
    e, rate = found.envelope, found.rate
    at = find_peaks(e, distance=max(1, int(0.2 * rate)))[0]
    edge = int(EDGE * rate)
    at = at[(at > edge) & (at < len(e) - edge)]
    if not len(at) or e.max() < 1e-3:
        return None
    height, time = e[at].astype(np.float64), at / rate
    slot = (time / 1.5).astype(int)
    top = np.zeros(slot[-1] + 1)
    np.maximum.at(top, slot, height)
    level = local(top, NEAR)[slot]
    for _ in range(3):
        chosen = height > KEEP * level
        if not chosen.any():
            return None
        level = np.interp(time, time[chosen], local(height[chosen], NEAR))
    return Candidates(at, time, height, level)


def choose(c: Candidates) -> Indexes:
    """Candidates that are as high as the complexes about them, less second peaks and T waves."""
    chosen: list[int] = []
    for i in np.flatnonzero(c.height > KEEP * c.level):
        if chosen:
            last = chosen[-1]
            apart = c.time[i] - c.time[last]
            if apart < DEAD:
                chosen[-1] = int(i) if c.height[i] > c.height[last] else last
                continue
            if apart < TWAVE and c.height[i] < 0.5 * c.height[last]:
                continue
        chosen.append(int(i))
    return np.array(chosen, np.int64)


def search_back(c: Candidates, chosen: Indexes) -> Indexes:
    """Looks again, with a lower threshold, where the interval says that a complex is missing."""
    for _ in range(8):
        if len(chosen) < 3:
            return chosen
        rr = np.diff(c.time[chosen])
        usual = np.minimum(local(rr, NEAR), 1.3 * np.median(rr))
        more = []
        for gap in np.flatnonzero(rr > GAP * usual):
            first, last = chosen[gap], chosen[gap + 1]
            inside = np.arange(first + 1, last)
            inside = inside[(c.time[inside] - c.time[first] > TWAVE) & (c.time[last] - c.time[inside] > 0.3)]
            if len(inside):
                best = inside[np.argmax(c.height[inside])]
                if c.height[best] > SEARCH * c.level[best]:
                    more.append(best)
        if not more:
            return chosen
        chosen = np.sort(np.concatenate([chosen, np.array(more, np.int64)]))
    return chosen


def detect(x: Array, rate: float) -> Indexes:
    """The samples of the QRS complexes in leads [leads, n] in µV; in order, empty when there are none."""
    if x.shape[-1] < 0.5 * rate or rate < 40:
        return np.zeros(0, np.int64)
    found = energy(x, rate)
    c = candidates(found)
    if c is None:
        return np.zeros(0, np.int64)
    chosen = search_back(c, choose(c))
    if len(chosen) > 4:
        chosen = chosen[~doubtful(found.leads, found.envelope, found.rate, c.at[chosen], c.level[chosen])]
    return peaks(x, rate, np.round(c.at[chosen] * rate / found.rate).astype(np.int64))


def peaks(x: Array, rate: float, near: Indexes) -> Indexes:
    """Moves each beat to the largest joint deflection within 60 ms, from the mean of the 200 ms about it."""
    if not len(near):
        return near
    reach, about = round(0.06 * rate), round(0.1 * rate)
    window = np.clip(near[:, None] + np.arange(-reach, reach + 1), 0, x.shape[-1] - 1)
    size = np.zeros(window.shape, np.float32)
    for lead in uniform_filter1d(x, max(1, round(0.01 * rate)), axis=-1):  # a pacemaker's spike is no peak
        level = np.concatenate([[0.0], np.cumsum(lead, dtype=np.float64)])
        first, last = np.maximum(near - about, 0), np.minimum(near + about, len(lead))
        size += np.abs(lead[window] - ((level[last] - level[first]) / (last - first))[:, None])
    return np.unique(np.take_along_axis(window, size.argmax(axis=1)[:, None], axis=1)[:, 0])
