"""Hints about the electrodes: off, or two of them swapped. They are for a person to look at, nothing is corrected.

Swapped arms invert lead I, which then opposes V6; a right-arm electrode on a leg leaves one limb lead without signal; chest
electrodes out of order break the smooth change from lead to lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inference.signal.axis import DISAGREE, disagreement
from inference.signal.globals import Span
from inference.signal.median import Median
from inference.signal.prepare import Prepared
from inference.signal.quality import LeadQuality
from inference.signal.values import Hint

Array = NDArray[np.float32]

CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
LIMBS = ("I", "II", "III")
EMPTY = 0.12  # of the other limb leads: a lead that is nearly flat
SMOOTHER = 0.75  # how much smoother the chest leads must become by a swap


def correlation(a: Array, b: Array) -> float:
    """Pearson's correlation; 0 when one is constant."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else 0.0


def limb_hints(x: Mapping[str, Array], qrs: slice, p: slice | None) -> list[Hint]:
    """Swapped limb electrodes, from median beats without their baseline."""
    found = []
    if all(lead in x for lead in LIMBS):
        if disagreement(x) > DISAGREE:
            text = "lead II is not the sum of I and III: the leads are scaled apart, or not simultaneous"
            return [Hint("limb-leads-disagree", text, 0.8)]
        size = {lead: float(np.ptp(x[lead][qrs])) for lead in LIMBS}
        for flat, electrodes in (("II", "right arm and right leg"), ("III", "left arm and right leg")):
            others = min(size[lead] for lead in LIMBS if lead != flat)
            if size[flat] < EMPTY * others and size[flat] < 120:
                found.append(Hint("leg-reversal", f"lead {flat} is nearly flat: electrodes of {electrodes} may be swapped", 0.7))
    if "I" in x and "V6" in x and p is not None:
        against = correlation(x["I"][qrs], x["V6"][qrs])
        upside = x["I"][p][np.abs(x["I"][p]).argmax()]
        if against < -0.5 and upside < -20:
            text = "lead I is inverted and opposes V6: arm electrodes may be swapped"
            found.append(Hint("arm-reversal", text, round(min(0.9, 0.3 - 0.6 * against), 2)))
    return found


def chest_hints(x: Mapping[str, Array], beat: slice) -> list[Hint]:
    """Two neighbouring chest electrodes swapped, when exchanging them makes the row of leads much smoother."""
    if not all(lead in x for lead in CHEST):
        return []
    row = [x[lead][beat] for lead in CHEST]
    gap = np.array([[float(np.sqrt(np.mean((a - b) ** 2))) for b in row] for a in row])

    def rough(order: list[int]) -> float:
        return float(sum(gap[a, b] for a, b in pairwise(order)))

    now = rough(list(range(6)))
    best, pair = now, ""
    for i in range(5):
        order = list(range(6))
        order[i], order[i + 1] = order[i + 1], order[i]
        if rough(order) < best:
            best, pair = rough(order), f"{CHEST[i]} and {CHEST[i + 1]}"
    if not pair or best > SMOOTHER * now:
        return []
    return [Hint("chest-reversal", f"electrodes {pair} may be swapped", round(min(0.8, 1.2 - best / now), 2))]


def hints(p: Prepared, grades: tuple[LeadQuality, ...], median: Median | None, at: dict[str, Span]) -> tuple[Hint, ...]:
    """Everything suspicious about the electrodes of a recording."""
    found = [Hint("lead-off", f"lead {g.lead} shows no signal", 0.9) for g in grades if g.state == "off"]
    if median is None or "QRS" not in at:
        return tuple(found)
    first, last = max(0, round(at["QRS"].onset)), round(at["QRS"].offset) + 1
    alive = {g.lead: row for g, row in zip(grades, median.samples, strict=True) if g.state != "off"}
    level = {lead: row - np.median(row[max(0, first - 10) : max(1, first - 2)]) for lead, row in alive.items()}
    wave = slice(max(0, round(at["P"].onset)), round(at["P"].offset) + 1) if "P" in at else None
    if last - first > 4:
        found += limb_hints(level, slice(first, last), wave)
        found += chest_hints(level, slice(first, last + 150))
    return tuple(found)
