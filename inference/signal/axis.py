"""Electrical axes in the frontal plane, from the net areas in leads I and aVF."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

DISAGREE = 0.25  # of lead II: I + III − II beyond it


def frontal(leads: Mapping[str, Array]) -> tuple[Array, Array] | None:
    """Leads I and aVF, computed from two others where need be; None without two frontal leads."""
    one, two, three, foot = (leads.get(name) for name in ("I", "II", "III", "aVF"))
    if one is None and two is not None and three is not None:
        one = np.asarray(two - three)
    if foot is None:
        if two is not None and three is not None:
            foot = np.asarray((two + three) / 2, np.float32)
        elif one is not None and two is not None:
            foot = np.asarray(two - one / 2, np.float32)
        elif one is not None and three is not None:
            foot = np.asarray(three + one / 2, np.float32)
    return None if one is None or foot is None else (one, foot)


def disagreement(leads: Mapping[str, Array]) -> float:
    """How far I + III is from II, relative to II; 0 when one of them is missing. More than a quarter: they are scaled apart."""
    if not all(name in leads for name in ("I", "II", "III")):
        return 0.0
    one, two, three = (leads[name] for name in ("I", "II", "III"))
    return float(np.sqrt(np.mean((one + three - two) ** 2)) / (np.sqrt(np.mean(two**2)) + 1.0))


def axis(one: Array, foot: Array, first: int, last: int) -> tuple[float, float] | None:
    """(degrees −180..180, size in µV) of the mean vector between two samples; None when it points nowhere.

    aVF is an augmented lead: its area counts 2/√3 beside that of I.
    """
    if last - first < 3:
        return None
    x = float(one[first:last].mean())
    y = float(foot[first:last].mean()) * 2.0 / math.sqrt(3.0)
    size = math.hypot(x, y)
    return None if size < 1.0 else (math.degrees(math.atan2(y, x)), size)
