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


def reason(lead: Array) -> str:
    """Why a lead [n] in mV at 100 Hz cannot be read: flat, wild, noise, off for a while; or nothing."""
    low, high = np.percentile(lead, (1, 99))
    if high - low < FLAT:
        return "flat"
    if high - low > WILD:
        return "wild"
    step = np.diff(lead)
    if float(np.mean(step == 0)) > STILL and _longest_rest(step) > 300:
        return "off for a while"
    return "noise" if _rough(step) > ROUGH and _peaked(step) < PEAKED else ""


def _rough(step: Array) -> float:
    """The power of the second difference by four times that of the first: 0 for a slow wave, 1 for the fastest."""
    return float(np.sum(np.diff(step) ** 2) / max(4 * float(np.sum(step**2)), 1e-12))


def _peaked(step: Array) -> float:
    centred = step - step.mean()
    return float(np.mean(centred**4) / max(float(np.mean(centred**2)) ** 2, 1e-18))


def _longest_rest(step: Array) -> int:
    edges = np.flatnonzero(np.concatenate(([1], step, [1])))
    return int(np.diff(edges).max()) - 1


def judge(signal: Array) -> tuple[tuple[str, ...], bool]:
    """[leads, n] → (a reason or nothing per lead, whether the recording as a whole can be read).

    A recording can be read when at least three quarters of its leads can, and lead I or II is among them.
    """
    reasons = tuple(reason(lead) for lead in signal)
    good = [not why for why in reasons]
    enough = sum(good) * 4 >= len(good) * 3
    return reasons, enough and any(good[:2])
