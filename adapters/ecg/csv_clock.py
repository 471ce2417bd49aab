"""Times as numbers in the first column of a tracing: in the unit their name tells, else in seconds or milliseconds.

Clocks round what they write, to milliseconds mostly: 360 Hz then looks like 333 or 500 between two rows. So the rate is the number of
rows between two changes of the time, over all of them, as with the times of `csv_time`.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.ecg.csv_time import Stamps, paced

TICKS = re.compile(r"(?:^|[ _(\[])([mnuµμ]?)s(?:ec(?:onds?)?)?[)\]]?$", re.I)
MICRO = str.maketrans("µμ", "uu")
SECOND = {"": 10**9, "m": 10**6, "u": 10**3, "n": 1}  # ns of a unit
MOST_DIGITS, MANY = 9, 50
UNEVEN = "the times are uneven; one rate is assumed"


def counted(column: NDArray[Any], name: str) -> Stamps:
    """What a column of times says; a rate of 0 for a mere count of samples, or for numbers that are no times."""
    if len(column) < 3 or not np.isfinite(column).all():
        return Stamps(None, 0.0)
    since = column - column[0]
    steps = np.diff(since)
    forward = steps[steps > 0]
    usual = float(np.median(forward)) if len(forward) else 0.0
    unit = _unit(usual, bool((steps == 0).any()), name)
    if not unit or np.abs(since).max() > 2**62 / unit:
        return Stamps(None, 0.0)
    if steps.min() < 0:
        return Stamps(None, round(SECOND[""] / unit / usual, 6), warning=UNEVEN)
    ticks = np.rint(since * unit).astype(np.int64)
    return paced(ticks, None, max(1, round(unit * 10.0 ** -_digits(since))))


def steady(column: NDArray[Any]) -> bool:
    """Whether a column rises as an index or a time does: by equal steps, or many that differ by no more than their rounding."""
    since = column[:10_000] - column[0]
    steps = np.diff(since)
    if len(steps) < 3 or not steps.min() > 0:
        return False
    spread = float(np.ptp(steps))
    return spread <= 0.02 * float(steps.mean()) or (len(steps) >= MANY and spread <= 1.01 * 10.0 ** -_digits(since))


def _unit(step: float, again: bool, name: str) -> int:
    """ns of the times' unit; 0 where it cannot be told, or the column counts by one and no number comes again."""
    told = TICKS.search(name)
    if told and step > 0:
        return SECOND[told.group(1).lower().translate(MICRO)]
    if not 0 < step < 100 or (step == 1 and not again):
        return 0
    return SECOND[""] if step < 0.5 else SECOND["m"]


def _digits(since: NDArray[Any]) -> int:
    """Decimal places of the finest of the numbers, as far as they are of account."""
    few = since[:10_000]
    for digits in range(MOST_DIGITS):
        scaled = few * 10.0**digits
        if np.abs(scaled - np.rint(scaled)).max() < 0.01:
            return digits
    return MOST_DIGITS
