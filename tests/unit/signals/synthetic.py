"""Electrocardiograms of known make: sums of Gaussians at known times. The truth is the recipe, no detector has a say in it.

A Gaussian wave of width s is taken to begin and end 2.5 s from its top, where 4 % of it is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
# per lead: P, Q, R, S, T in µV (III, aVR, aVL and aVF follow from I and II)
SIZE = {
    "I": (70, -60, 700, -120, 180),
    "II": (110, -80, 1000, -150, 260),
    "V1": (50, 0, 250, -900, -80),
    "V2": (50, 0, 400, -1300, 350),
    "V3": (60, 0, 700, -900, 400),
    "V4": (70, -40, 1300, -500, 380),
    "V5": (70, -70, 1200, -250, 320),
    "V6": (70, -80, 950, -120, 250),
}
WAVES = ("P", "Q", "R", "S", "T")
AT = {"P": -0.160, "Q": -0.022, "R": 0.0, "S": 0.024, "T": 0.280}  # s from R
WIDTH = {"P": 0.020, "Q": 0.008, "R": 0.010, "S": 0.009, "T": 0.040}  # s
ENDS = 2.5


@dataclass(frozen=True)
class Truth:
    """A made recording and what is in it: times in s."""

    samples: np.ndarray
    rate: float
    leads: tuple[str, ...]
    beats: np.ndarray
    ventricular: np.ndarray  # bool per beat
    pr: float  # ms
    qrs: float
    qt: float
    p: float


def shape(lead: str, t: np.ndarray, p_waves: bool) -> np.ndarray:
    """One normal beat of a lead at times `t` from R."""
    y = np.zeros_like(t)
    for wave, size in zip(WAVES, SIZE[lead], strict=True):
        if wave != "P" or p_waves:
            y += size * np.exp(-0.5 * ((t - AT[wave]) / WIDTH[wave]) ** 2)
    return y


def wide(lead: str, t: np.ndarray) -> np.ndarray:
    """One ventricular beat: broad, other axis, discordant T, no P."""
    sign = -1.0 if SIZE[lead][2] > 500 else 1.0
    y = sign * 1400 * np.exp(-0.5 * ((t - 0.01) / 0.028) ** 2)
    return y - sign * 500 * np.exp(-0.5 * ((t - 0.30) / 0.05) ** 2)


def make(
    seconds: float = 10.0,
    rate: float = 500.0,
    bpm: float = 70.0,
    noise: float = 5.0,
    p_waves: bool = True,
    irregular: float = 0.0,
    ventricular: tuple[int, ...] = (),
    leads: tuple[str, ...] = LEADS,
    seed: int = 1,
) -> Truth:
    """A recording: `irregular` is the standard deviation of RR in s, `ventricular` the numbers of the early wide beats."""
    rng = np.random.default_rng(seed)
    rr = np.maximum(60.0 / bpm + irregular * rng.standard_normal(int(seconds * bpm / 60) + 8), 0.35)
    beats = 0.6 + np.concatenate([[0.0], np.cumsum(rr)])
    for which in ventricular:
        beats[which] -= 0.35 * 60.0 / bpm
    beats = beats[beats < seconds - 0.5]
    kind = np.isin(np.arange(len(beats)), ventricular)
    t = np.arange(round(seconds * rate)) / rate
    made = {}
    for lead in SIZE:
        made[lead] = np.zeros(len(t))
        for beat, odd in zip(beats, kind, strict=True):
            made[lead] += wide(lead, t - beat) if odd else shape(lead, t - beat, p_waves)
    made["III"] = made["II"] - made["I"]
    made["aVR"] = -(made["I"] + made["II"]) / 2
    made["aVL"] = made["I"] - made["II"] / 2
    made["aVF"] = made["II"] - made["I"] / 2
    x = np.stack([made[lead] for lead in leads]) + noise * rng.standard_normal((len(leads), len(t)))
    onset = AT["Q"] - ENDS * WIDTH["Q"]
    return Truth(
        x.astype(np.float32),
        rate,
        leads,
        beats,
        kind,
        pr=1000 * (onset - AT["P"] + ENDS * WIDTH["P"]),
        qrs=1000 * (AT["S"] + ENDS * WIDTH["S"] - onset),
        qt=1000 * (AT["T"] + ENDS * WIDTH["T"] - onset),
        p=1000 * 2 * ENDS * WIDTH["P"],
    )
