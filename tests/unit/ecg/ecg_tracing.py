"""Whole steps that look like an ECG, for files of every format."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
Steps = NDArray[np.int64]


def tracing(leads: int = 12, length: int = 1000, height: int = 300, seed: int = 1) -> Steps:
    """Whole steps [leads, length] that look like beats with some noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(length) / 500
    beat = np.exp(-(((t % 0.8) - 0.3) ** 2) / 0.0002) + 0.2 * np.exp(-(((t % 0.8) - 0.55) ** 2) / 0.003)
    rows = [height * (0.4 + 0.1 * n) * (-1) ** (n % 3) * beat + rng.normal(0, 3, length) for n in range(leads)]
    return np.rint(np.array(rows)).astype(np.int64)


def b64(row: NDArray[Any]) -> str:
    return base64.b64encode(row.astype("<i2").tobytes()).decode()
