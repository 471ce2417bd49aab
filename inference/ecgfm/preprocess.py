"""ECG-FM's own preprocessing; reproduces its published segments bit for bit.

Linear interpolation to 500 Hz, a z-score per lead over the whole record, 5 s segments without overlap, no filter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
RATE = 500
SEGMENT = 2500


def resample(samples: npt.NDArray[np.floating], rate: float) -> Array:
    """[leads, n] at `rate` → [leads, int(n · 500 / rate)], the new samples' places drawn over the old ones' count.

    The difference of two neighbours is taken in the samples' own precision, as the published segments were made.
    """
    n = samples.shape[1]
    if rate == RATE or n < 2:
        return np.asarray(samples, np.float64)
    n_out = int(n * RATE / rate)
    places, wanted = np.linspace(0, n_out - 1, n), np.arange(n_out)
    high = np.searchsorted(places, wanted).clip(1, n - 1)
    low = high - 1
    slope = (samples[:, high] - samples[:, low]) / (places[high] - places[low])
    return np.asarray(slope * (wanted - places[low]) + samples[:, low], np.float64)


def standardize(samples: Array) -> Array:
    """Each lead less its mean, over its population deviation; a lead that never moves becomes zeros.

    Sums run over time one sample after another (that is what the column order does), and the deviation is that of the
    centred lead: both decide the last bit.
    """
    x = np.asarray(samples, np.float64, order="F")
    x = x - x.mean(axis=1, keepdims=True)
    deviation = x.std(axis=1, keepdims=True)
    out: Array = np.divide(x, deviation, out=np.zeros_like(x), where=deviation > 0)
    return out


def segments(samples: npt.NDArray[np.floating], rate: float) -> Array:
    """[12, n] in any unit, leads I to V6 in order → [k, 12, 2500]; the remainder is dropped, k is 0 below five seconds."""
    x = standardize(resample(samples, rate))
    count = x.shape[1] // SEGMENT
    return x[:, : count * SEGMENT].reshape(x.shape[0], count, SEGMENT).transpose(1, 0, 2)
