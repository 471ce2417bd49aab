"""Polyphase resampling, and where a sample of one rate lies at another."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

Array = NDArray[np.float32]

LARGEST = 1000  # of numerator and denominator


def ratio(rate: float, wanted: float) -> Fraction:
    """wanted / rate as a small fraction; exact for every rate that is a whole number of tenths up to 1 kHz."""
    return Fraction(wanted / rate).limit_denominator(LARGEST)


def resample(x: Array, rate: float, wanted: float) -> Array:
    """Leads [..., n] at `rate` Hz as leads [..., ceil(n·wanted/rate)] at `wanted` Hz, ends continued by their values."""
    part = ratio(rate, wanted)
    if part == 1 or x.shape[-1] < 2:
        return np.ascontiguousarray(x, np.float32)
    base = x[..., :1]
    out = resample_poly(x - base, part.numerator, part.denominator, axis=-1, padtype="line") + base
    return out.astype(np.float32)
