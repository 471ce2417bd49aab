"""Measures an electrocardiogram: beats, boundaries, intervals, axes, amplitudes, quality. See inference/signal for how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.fault import Fault
from inference.signal.measure import measure
from inference.signal.values import Beat, Episode, Hint, Measured, Measurement, MedianBeat, Wave

__all__ = ["Beat", "Episode", "Hint", "Measured", "Measurement", "MedianBeat", "Wave", "analyse", "measure"]


def analyse(samples: object, rate: object, leads: Sequence[str], tables: bool = True) -> dict[str, Any]:
    """`measure` as plain JSON, for the command line and for channels; a refusal is `{"fault": …}`."""
    found = measure(samples, rate, leads, tables)
    return {"fault": found.as_dict()} if isinstance(found, Fault) else found.as_dict()
