"""The one way from a recording to what the networks see; training and serving both call it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from inference.decimate import decimate

Array = npt.NDArray[np.float32]
RATE = 100  # Hz, what the networks were trained at
LIMIT = 20.0  # mV: no heart reaches it, so what does is cut


def prepare(samples: npt.NDArray[np.floating], rate: float) -> Array:
    """µV [leads, n] at `rate` Hz → float32 mV [leads, round(n · 100 / rate)] at 100 Hz, each lead's median at zero."""
    x: npt.NDArray[np.floating]
    if rate == RATE:
        x = np.asarray(samples, np.float64) / 1000.0
    else:
        ratio = Fraction(RATE / rate).limit_denominator(1000)
        up, down = ratio.numerator, ratio.denominator
        x = (samples - samples[:, :1]) / np.asarray(1000, samples.dtype)
        x = decimate(x, down) if up == 1 else resample_poly(x, up, down, axis=1, padtype="edge")
    x = x - np.median(x, axis=1, keepdims=True)
    out: Array = np.clip(x, -LIMIT, LIMIT).astype(np.float32)
    return out
