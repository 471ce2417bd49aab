"""Amplitudes and ST levels of the median beat, per lead, against the level just before the QRS complex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.signal.features import RATE
from inference.signal.globals import Span
from inference.signal.values import Measurement

Array = NDArray[np.float32]

LEAST = 20.0  # µV: a smaller Q, R or S is none


def level(x: Array, onset: float) -> float:
    """The isoelectric level: the median of the 16 ms that end 4 ms before the QRS complex."""
    stop = max(1, round(onset) - 2)
    return float(np.median(x[max(0, stop - 8) : stop]))


def extreme(x: Array, span: Span, base: float) -> float | None:
    """The largest deflection from `base` within a wave, signed."""
    part = x[max(0, round(span.onset)) : round(span.offset) + 1] - base
    return float(part[np.abs(part).argmax()]) if len(part) else None


def complex_parts(part: Array) -> dict[str, float]:
    """Q, R and S of a QRS complex in µV (signed), those that are there."""
    top = int(part.argmax())
    found = {}
    if part[top] >= LEAST:
        found["R"] = float(part[top])
        if top and part[:top].min() <= -LEAST:
            found["Q"] = float(part[:top].min())
        if part[top:].min() <= -LEAST:
            found["S"] = float(part[top:].min())
    elif part.min() <= -LEAST:
        found["Q"] = float(part.min())  # QS
    return found


def amplitudes(x: Array, spans: dict[str, Span], lead: str, sure: float) -> list[Measurement]:
    """P, Q, R, S and T amplitudes and the ST level at J, J+60 and J+80 ms in one lead of the median beat (0.05–150 Hz), µV."""
    qrs = spans.get("QRS")
    if qrs is None:
        return []
    base = level(x, qrs.onset)
    first, last = max(0, round(qrs.onset)), min(len(x), round(qrs.offset) + 1)
    if last - first < 4:
        return []
    how = "median beat, against the level before QRS"
    values = dict(complex_parts(x[first:last] - base))
    for wave in ("P", "T"):
        if wave in spans:
            size = extreme(x, spans[wave], base)
            if size is not None:
                values[wave] = size
    # + 0.0: what rounds to zero has no sign
    found = [Measurement(f"{name}_amplitude", round(v, 1) + 0.0, "uV", how, round(sure, 3), lead) for name, v in values.items()]
    for name, after in (("ST_J", 0.0), ("ST_J60", 0.060), ("ST_J80", 0.080)):
        at = round(qrs.offset + after * RATE)
        if at + 2 < len(x):
            found.append(
                Measurement(name, round(float(x[at - 1 : at + 2].mean()) - base, 1) + 0.0, "uV", how, round(sure, 3), lead)
            )
    return found
