"""From what came to what can be measured: refuses nonsense, bridges gaps, resamples to 500 Hz, removes mains and baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.fault import Fault, Kind
from inference.signal.features import RATE
from inference.signal.filters import Mains, band, find_mains, remove_mains
from inference.signal.resample import resample

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

MOST_LEADS = 64
MOST_SAMPLES = 400_000_000
RATES = (50.0, 20_000.0)  # Hz
RANGE = 250_000.0  # µV: beyond it no electrode speaks
SHORTEST = 0.5  # s


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording ready to be measured: leads [leads, n] at 500 Hz in µV."""

    leads: tuple[str, ...]
    rate: float  # as it came
    length: int  # samples, as it came
    raw: Array  # 500 Hz, gaps bridged
    quiet: Array  # mains and all below 0.5 Hz removed
    missing: Mask  # [leads, n] where nothing was recorded
    mains: Mains


def check(samples: object, rate: object, leads: Sequence[str]) -> tuple[Array, float] | Fault:
    """The samples as float32 [leads, n] and the rate, or what is wrong with them."""
    try:
        given = np.asarray(samples)
        hertz = float(rate)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        given, hertz = np.zeros((), np.complex64), 0.0
    if given.dtype.kind not in "fiub":
        return Fault(Kind.INCORRECT, "E801", "samples and rate are not numbers", help="give an array [leads, n] in µV and Hz")
    if given.ndim != 2:
        return Fault(Kind.INCORRECT, "E801", f"samples have {given.ndim} dimensions", help="give an array [leads, n] in µV")
    if not RATES[0] <= hertz <= RATES[1]:
        return Fault(Kind.UNSUPPORTED, "E802", "the sampling rate is outside 50–20 000 Hz", help="check the file's rate")
    if len(leads) != len(given) or len(set(leads)) != len(leads):
        return Fault(
            Kind.INCORRECT, "E803", f"{len(leads)} lead names for {len(given)} leads, or a name twice", help="name each lead once"
        )
    if len(given) > MOST_LEADS or given.size > MOST_SAMPLES:
        return Fault(Kind.UNSUPPORTED, "E804", "more than 64 leads or 400 million samples", help="measure it in parts")
    if not len(given) or given.shape[1] < SHORTEST * hertz:
        return Fault(Kind.UNSUPPORTED, "E805", "less than half a second of signal", help="nothing can be measured in it")
    with np.errstate(all="ignore"):
        return given.astype(np.float32), hertz


def bridge(x: Array) -> tuple[Array, Mask]:
    """Leads with their gaps (not a number, or beyond 250 mV) bridged by straight lines, and where they were."""
    with np.errstate(invalid="ignore"):
        gaps = ~(np.abs(x) <= RANGE)
    if not gaps.any():
        return x, gaps
    out = np.where(gaps, 0.0, x).astype(np.float32)
    at = np.arange(x.shape[1])
    for lead in np.flatnonzero(gaps.any(axis=1) & ~gaps.all(axis=1)):
        known = ~gaps[lead]
        out[lead] = np.interp(at, at[known], x[lead, known])
    return out, gaps


def prepare(samples: object, rate: object, leads: Sequence[str]) -> Prepared | Fault:
    """Checks and conditions a recording for everything that follows."""
    checked = check(samples, rate, leads)
    if isinstance(checked, Fault):
        return checked
    x, hertz = checked
    filled, gaps = bridge(x)
    raw = resample(filled, hertz, RATE)
    missing = np.zeros(raw.shape, np.bool_)
    if gaps.any():
        source = np.minimum((np.arange(raw.shape[1]) * hertz / RATE).astype(np.int64), x.shape[1] - 1)
        missing = gaps[:, source]
    mains = find_mains(raw[:, : int(60 * RATE)], RATE)
    if mains.frequency:
        raw = remove_mains(raw, RATE, mains.frequency)
    return Prepared(tuple(leads), hertz, x.shape[1], raw, band(raw, RATE, 0.5, margin=2.0), missing, mains)
