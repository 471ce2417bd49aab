"""A made-up ECG that the shown examples carry, so that each of them can be sent as it stands. Needs nothing that computes."""

from __future__ import annotations

import base64
import struct
from math import exp, pi, sin

from inference.models.labels import LEADS

RATE, SECONDS, BEAT = 50, 2.6, 0.8  # Hz, s, s from beat to beat
WAVES = ((0.16, 0.030, 0.12), (0.30, 0.016, 1.0), (0.34, 0.016, -0.25), (0.55, 0.060, 0.28))  # s, width in s, mV: P, R, S, T
GAINS = {"I": 0.7, "II": 1.1, "V1": -0.6, "V2": 0.3, "V3": 0.7, "V4": 1.2, "V5": 1.1, "V6": 0.9}


def lead(gain: float) -> list[float]:
    """mV at 50 Hz."""
    times = [number / RATE for number in range(int(RATE * SECONDS))]
    heights = [sum(mv * exp(-(((time % BEAT) - at) ** 2) / (2 * width**2)) for at, width, mv in WAVES) for time in times]
    return [round(gain * height + 0.02 * sin(2 * pi * 0.3 * time), 2) for height, time in zip(heights, times, strict=True)]


def twelve() -> list[list[float]]:
    """Twelve leads in their usual order; the limb leads keep to Einthoven."""
    gains = GAINS | {"III": 0.4, "aVR": -0.9, "aVL": 0.15, "aVF": 0.75}
    return [lead(gains[name]) for name in LEADS]


def encoded(values: list[float]) -> str:
    """Base64 of little-endian float32."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
