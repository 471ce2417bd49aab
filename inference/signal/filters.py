"""Zero-phase filters: Butterworth magnitudes applied in the frequency domain, and the removal of mains interference.

A magnitude without phase keeps every wave where it stands, which measuring needs; the ends are continued by odd reflection. The
pass bands are those of IEC 60601-2-25: 0.05–150 Hz for diagnosis, 0.5–40 Hz for monitoring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

Array = NDArray[np.float32]

DIAGNOSTIC = (0.05, 150.0)
MONITORING = (0.5, 40.0)
MAINS = (50.0, 60.0)


@dataclass(frozen=True, slots=True)
class Mains:
    """Interference found in a recording: its frequency in Hz (0 = none) and its amplitude per lead in µV."""

    frequency: float
    amplitude: tuple[float, ...]


def magnitude(n: int, rate: float, low: float = 0.0, high: float = 0.0, order: int = 2) -> Array:
    """The gain of a zero-phase Butterworth band at the `n`-point FFT's frequencies; 0 leaves that side open.

    The corner has −3 dB in all, as a filter of this order has that is run once.
    """
    f = rfftfreq(n, 1.0 / rate)
    gain = np.ones(len(f))
    if low > 0:
        ratio = (f / low) ** (2 * order)
        gain *= np.sqrt(ratio / (1.0 + ratio))
    if 0 < high < rate / 2:
        gain *= np.sqrt(1.0 / (1.0 + (f / high) ** (2 * order)))
    return gain.astype(np.float32)


def reflect(x: Array, before: int, after: int) -> Array:
    """`x` continued on both ends by odd reflection, further on by its end value."""
    n = x.shape[-1]
    b, a = min(before, n - 1), min(after, n - 1)
    head = 2 * x[..., :1] - x[..., b:0:-1]
    tail = 2 * x[..., -1:] - x[..., -2 : -2 - a : -1] if a else x[..., :0]
    pad = [(0, 0)] * (x.ndim - 1) + [(before - b, after - a)]
    return np.pad(np.concatenate([head, x, tail], axis=-1), pad, mode="edge")


def band(x: Array, rate: float, low: float = 0.0, high: float = 0.0, order: int = 2, margin: float = 1.0) -> Array:
    """Filters `x` [..., n] to low–high Hz without phase; `margin` s of reflection at the ends."""
    n = x.shape[-1]
    before = int(margin * rate)
    total = next_fast_len(n + 2 * before, real=True)
    spectrum = rfft(reflect(x, before, total - n - before), axis=-1)
    spectrum *= magnitude(total, rate, low, high, order)
    out: Array = irfft(spectrum, total, axis=-1)[..., before : before + n]
    return out


def diagnostic(x: Array, rate: float) -> Array:
    """0.05–150 Hz: keeps the ST segment true."""
    return band(x, rate, *DIAGNOSTIC, margin=4.0)


def monitoring(x: Array, rate: float) -> Array:
    """0.5–40 Hz: a quiet baseline for rhythm, not for ST."""
    return band(x, rate, *MONITORING, margin=2.0)


def find_mains(x: Array, rate: float, least: float = 4.0, ratio: float = 6.0) -> Mains:
    """Whether 50 or 60 Hz stands out of its neighbourhood, in leads [leads, n].

    A line counts when, in the mean over the leads, its power exceeds `ratio` times the median of the 6 Hz around it and its
    amplitude exceeds `least` µV in at least one lead. Recordings under 2 s or under 125 Hz tell nothing.
    """
    n = x.shape[-1]
    none = Mains(0.0, (0.0,) * len(x))
    if n < 2 * rate or rate < 125:
        return none
    window = np.hanning(n).astype(np.float32)
    power = np.abs(rfft(x * window, axis=-1)) ** 2
    f = rfftfreq(n, 1.0 / rate)
    best, found = ratio, none
    for line in MAINS:
        near, side = np.abs(f - line) <= max(0.6, 1.5 * rate / n), (np.abs(f - line) > 1.0) & (np.abs(f - line) < 6.0)
        if not near.any() or not side.any() or line > 0.48 * rate:
            continue
        floor = np.median(power[:, side], axis=-1)
        peak = power[:, near].max(axis=-1)
        amplitude = np.sqrt(np.maximum(peak - floor, 0.0)) * 4.0 / n
        stands = float(np.median(peak / (floor + 1e-6)))
        if stands > best and amplitude.max() >= least:
            best, found = stands, Mains(line, tuple(round(float(a), 2) for a in amplitude))
    return found


def remove_mains(x: Array, rate: float, line: float, width: float = 1.2) -> Array:
    """Takes `line` Hz and its harmonics below 150 Hz out with zero-phase Gaussian notches, `width` Hz wide (SD)."""
    n = x.shape[-1]
    before = int(rate)
    total = next_fast_len(n + 2 * before, real=True)
    f = rfftfreq(total, 1.0 / rate)
    gain = np.ones(len(f), np.float32)
    for harmonic in np.arange(line, min(150.0, 0.5 * rate), line):
        gain *= (1.0 - np.exp(-0.5 * ((f - harmonic) / width) ** 2)).astype(np.float32)
    out: Array = irfft(rfft(reflect(x, before, total - n - before), axis=-1) * gain, total, axis=-1)[..., before : before + n]
    return out
