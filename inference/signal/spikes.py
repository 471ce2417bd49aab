"""Pacemaker spikes: deflections of a few milliseconds that stand alone, shortly before the complexes they cause.

What lies above 70 Hz is summed over the leads. A spike is higher than the noise by far, narrow, and alone: the steep parts of a
complex are wider and have neighbours. At less than 240 Hz a spike cannot be told from noise, so no beat is called paced.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.signal.features import RATE
from inference.signal.filters import band

Array = NDArray[np.float32]
Indexes = NDArray[np.int64]

LOWEST = 240.0  # Hz
BEFORE, AFTER = 75, 4  # samples before the peak of a complex between which a ventricular spike stands
HIGH = 60.0  # µV in the joint signal
OVER = 12.0  # times the noise
NARROW = 3  # samples above half its height
ALONE = 0.4  # of its height: nothing else 8–16 ms from it
SHARE = 0.3  # of the beats: fewer are chance


def paced(raw: Array, rate: float, beats: Indexes) -> NDArray[np.bool_]:
    """Which beats follow a spike; `raw` [leads, n] at 500 Hz unfiltered, `rate` the recording's own."""
    none = np.zeros(len(beats), np.bool_)
    if rate < LOWEST or not len(beats):
        return none
    steep = raw - band(raw, RATE, 0.0, 70.0, order=3, margin=0.2)
    size = np.sqrt((steep * steep).sum(axis=0))
    noise = float(np.median(size))
    around = np.arange(-8, 9)
    at = np.clip(beats[:, None] + np.arange(-BEFORE, -AFTER + 1), 8, len(size) - 9)
    where = np.take_along_axis(at, size[at].argmax(axis=1)[:, None], axis=1)
    near = size[where + around]
    height = near[:, 8]
    width = (near > 0.5 * height[:, None]).sum(axis=1)
    beside = near[:, np.abs(around) >= 4].max(axis=1)
    found: NDArray[np.bool_] = (height > HIGH) & (height > OVER * noise) & (width <= NARROW) & (beside < ALONE * height)
    return found if found.mean() >= SHARE else none
