"""Whether a lead can be read at all: a model asked about noise answers something, so it is not asked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
FLAT = 0.02  # mV between the 1st and 99th percentile: no ECG lead is as still
WILD = 12.0  # mV between them: electrodes moving, not a heart
ROUGH = 0.4  # roughness of white noise is 0.75, of an ECG at 100 Hz 0.1 to 0.6
PEAKED = 4.5  # kurtosis of the steps: 3 for noise, 7 and more where QRS complexes stand out
STILL = 0.35  # share of exactly repeated samples in a row that tells a cable that fell off for a while


def reasons(signal: Array) -> tuple[str, ...]:
    """Why each lead of [leads, n] in mV at 100 Hz cannot be read: flat, wild, off for a while, noise; or nothing."""
    low, high = np.percentile(signal, (1, 99), axis=1, method="nearest")
    step = np.diff(signal)
    still, noisy = np.mean(step == 0, axis=1), (_rough(step) > ROUGH) & (_peaked(step) < PEAKED)
    return tuple(
        _reason(float(high[at] - low[at]), bool(still[at] > STILL) and _longest_rest(step[at]) > 300, bool(noisy[at]))
        for at in range(len(signal))
    )


def _reason(span: float, off: bool, noisy: bool) -> str:
    if span < FLAT:
        return "flat"
    if span > WILD:
        return "wild"
    return "off for a while" if off else "noise" if noisy else ""


def _rough(step: Array) -> Array:
    """The power of the second difference by four times that of the first: 0 for a slow wave, 1 for the fastest."""
    return np.asarray(np.sum(np.diff(step) ** 2, axis=1) / np.maximum(4 * np.sum(step**2, axis=1), 1e-12))


def _peaked(step: Array) -> Array:
    square = (step - step.mean(axis=1, keepdims=True)) ** 2
    return np.asarray(np.mean(square**2, axis=1) / np.maximum(np.mean(square, axis=1) ** 2, 1e-18))


def _longest_rest(step: Array) -> int:
    edges = np.flatnonzero(np.concatenate(([1], step, [1])))
    return int(np.diff(edges).max()) - 1


def judge(signal: Array) -> tuple[tuple[str, ...], bool]:
    """[leads, n] → (a reason or nothing per lead, whether the recording as a whole can be read).

    A recording can be read when at least three quarters of its leads can, and lead I or II is among them.
    """
    found = reasons(signal)
    good = [not why for why in found]
    return found, sum(good) * 4 >= len(good) * 3 and any(good[:2])
