"""Rate and RR statistics, and the rate-corrected QT interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.signal.values import Measurement

Floats = NDArray[np.float64]

SOLID = (0.25, 3.0)  # s: RR intervals outside are a missed beat or two in one


def normal_intervals(times: Floats, normal: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Floats:
    """RR intervals in s between neighbouring beats that are both normal."""
    rr = np.diff(times)
    both = normal[1:] & normal[:-1] & (rr > SOLID[0]) & (rr < SOLID[1]) & whole
    return rr[both]


def whole_intervals(times: Floats, holes: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """Which intervals between neighbouring `times` contain nothing of the `holes` (s), where beats cannot be told."""
    whole = np.ones(max(0, len(times) - 1), np.bool_)
    for first, last in holes:
        whole &= ~((times[:-1] <= last) & (times[1:] >= first))
    return whole


def rhythm(times: Floats, normal: NDArray[np.bool_], whole: NDArray[np.bool_], sure: float) -> list[Measurement]:
    """Rate and RR statistics over all `whole` intervals; variability over those between normal beats."""
    rr = np.diff(times)[whole]
    if not len(rr):
        return []
    over = f"{len(rr)} RR intervals"
    mean = float(rr.mean())
    found = [
        Measurement("heart_rate", round(60.0 / mean, 1), "/min", f"60 s over the mean of {over}", sure),
        Measurement("RR_mean", round(1000 * mean, 1), "ms", f"mean of {over}", sure),
        Measurement("RR_median", round(1000 * float(np.median(rr)), 1), "ms", f"median of {over}", sure),
        Measurement("RR_min", round(1000 * float(rr.min()), 1), "ms", f"shortest of {over}", sure),
        Measurement("RR_max", round(1000 * float(rr.max()), 1), "ms", f"longest of {over}", sure),
    ]
    nn = normal_intervals(times, normal, whole)
    if len(nn) > 2:
        step = np.diff(nn)
        few = sure * (1.0 if len(nn) > 250 else 0.6)
        between = f"{len(nn)} intervals between normal beats"
        found += [
            Measurement("SDNN", round(1000 * float(nn.std(ddof=1)), 1), "ms", f"standard deviation of {between}", few),
            Measurement(
                "RMSSD", round(1000 * float(np.sqrt(np.mean(step**2))), 1), "ms", f"successive differences of {between}", few
            ),
            Measurement(
                "pNN50", round(100 * float(np.mean(np.abs(step) > 0.05)), 1), "%", f"successive differences of {between}", few
            ),
        ]
    return found


def corrected(qt: float, rr: float, sure: float) -> list[Measurement]:
    """QTc in ms by four formulas from QT in ms and RR in s.

    Bazett, Heart 7:353 (1920); Fridericia, Acta Med Scand 53:469 (1920); Sagie (Framingham), Am J Cardiol 70:797 (1992); Hodges,
    JACC 1:694 (1983).
    """
    if not SOLID[0] < rr < SOLID[1]:
        return []
    values = (
        ("QTc_Bazett", qt / rr**0.5, "QT / RR^1/2"),
        ("QTc_Fridericia", qt / rr ** (1 / 3), "QT / RR^1/3"),
        ("QTc_Framingham", qt + 154.0 * (1.0 - rr), "QT + 154 (1 − RR)"),
        ("QTc_Hodges", qt + 1.75 * (60.0 / rr - 60.0), "QT + 1.75 (rate − 60)"),
    )
    calm = sure * (1.0 if 0.6 <= rr <= 1.2 else 0.8)
    return [Measurement(name, round(value, 1), "ms", how, round(calm, 3)) for name, value, how in values]
