"""What the delineator sees of a recording: each lead, and what all leads say together, at 500 Hz.

Four channels a lead: the lead itself, the lead compressed (so that P waves stand beside QRS complexes), the spatial velocity of
all leads (compressed), and their spatial magnitude (compressed).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

RATE = 500.0
CHANNELS = 4


def scale(x: Array) -> Array:
    """The size of each lead [leads, 1]: the 98th percentile of its magnitude, at least 40 µV."""
    step = max(1, x.shape[-1] // 1250)
    size = np.percentile(np.abs(x[..., ::step]), 98, axis=-1, keepdims=True)
    return np.asarray(np.maximum(size, 40.0), np.float32)


def features(x: Array, size: Array, common: Array | None = None) -> Array:
    """Channels [leads, 4, n] of leads [leads, n] at 500 Hz in µV, baseline removed; `common` are the leads that speak together."""
    together = x if common is None else common
    velocity = np.zeros_like(together)
    velocity[:, 2:-2] = together[:, 4:] - together[:, :-4]
    out = np.empty((x.shape[0], CHANNELS, x.shape[1]), np.float32)
    relative = x / size
    out[:, 0] = np.clip(relative, -4, 4)
    out[:, 1] = np.arcsinh(10.0 * relative)
    for channel, part in ((2, velocity), (3, together)):
        rms = np.sqrt(np.mean(part * part, axis=0))
        top = np.percentile(rms[:: max(1, len(rms) // 1250)], 98) + 1.0
        out[:, channel] = np.minimum(np.sqrt(rms / top), 2.0)
    return out
