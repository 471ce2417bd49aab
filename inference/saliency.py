"""What in the tracing a label's probability rests on: parts are blanked one by one, and the logit is asked again.

Occlusion (Zeiler and Fergus, 2014) needs nothing of the model but its answers. A part is one lead over one stretch of time; a
straight line from its first to its last value takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.models.runtime import Model

Array = npt.NDArray[np.float32]
Logits = Callable[[Array], npt.NDArray[np.floating]]


@dataclass(frozen=True, slots=True)
class Saliency:
    """How much the logit falls [leads, steps] when a part is blanked; `seconds` is a step's length."""

    label: str
    leads: tuple[str, ...]
    seconds: float
    weights: Array

    def as_dict(self) -> dict[str, object]:
        """Plain JSON, the largest weight being 1: to be drawn over the tracing from each step's start."""
        top = float(np.abs(self.weights).max()) or 1.0
        rows = np.round(self.weights.astype(np.float64) / top, 3).tolist()
        return {"label": self.label, "step_seconds": self.seconds, "leads": dict(zip(self.leads, rows, strict=True))}


def explained(model: Model, window: Array, labels: Sequence[str]) -> list[dict[str, object]]:
    """One map as plain JSON for each of the labels the model knows; window [leads, n] mV at 100 Hz, as the model is shown it."""
    entry = model.stored.entry
    known = [label for label in labels if label in entry.labels]
    columns = [entry.labels.index(label) for label in known]
    maps = saliency(window, lambda x: model.logits(x)[0], columns, known, entry.leads) if known else []
    return [one.as_dict() for one in maps]


def blanked(signal: Array, lead: int, start: int, end: int) -> Array:
    """A copy with a straight line over one stretch of one lead."""
    out = signal.copy()
    out[lead, start:end] = np.linspace(signal[lead, start], signal[lead, end - 1], end - start)
    return out


def saliency(
    signal: Array,
    logits: Logits,
    columns: Sequence[int],
    labels: Sequence[str],
    leads: Sequence[str],
    step: int = 100,
    batch: int = 32,
) -> list[Saliency]:
    """[leads, n] mV at 100 Hz → one map for each label asked for; `logits` answers [B, labels] for [B, leads, n]."""
    count, length = signal.shape
    starts = list(range(0, length, step))
    parts = [(lead, at, min(at + step, length)) for lead in range(count) for at in starts]
    whole = logits(signal[None])[0, list(columns)]
    falls = []
    for first in range(0, len(parts), batch):
        stack = np.stack([blanked(signal, *part) for part in parts[first : first + batch]])
        falls.append(whole - logits(stack)[:, list(columns)])
    table = np.concatenate(falls).reshape(count, len(starts), len(columns)).astype(np.float32)
    return [Saliency(label, tuple(leads), step / 100.0, table[:, :, at]) for at, label in enumerate(labels)]
