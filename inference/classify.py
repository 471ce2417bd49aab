"""One recording to one classification, pure: what is asked of a model, and what its answers together say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.fault import Fault, Kind
from inference.leads import some
from inference.notice import NOTICE
from inference.preprocess import RATE, prepare
from inference.usable import judge

__all__ = ["NOTICE", "Classification", "Ready", "check", "ready", "windows"]

Array = npt.NDArray[np.float32]
WINDOW = 10 * RATE
SHORTEST = 2.5  # s
LONGEST = 600.0  # s
MOST_LEADS = 64
MOST_WINDOWS = 24
UNREADABLE = "the signal cannot be read"


@dataclass(frozen=True, slots=True)
class Ready:
    """What a model is shown: windows [k, leads, time] mV at 100 Hz, and what was seen of the signal."""

    windows: Array
    reasons: tuple[str, ...]  # per lead, "" when it can be read
    readable: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Classification:
    """What a model says of a recording; no probabilities when it abstains."""

    model: str
    version: str
    digest: str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    embedding: tuple[float, ...] = ()
    windows: int = 0
    abstained: str = ""
    leads: Mapping[str, str] = field(default_factory=dict)  # lead → why it cannot be read
    warnings: tuple[str, ...] = ()
    notice: str = NOTICE


def check(samples: npt.NDArray[np.floating], rate: float, leads: Sequence[str]) -> Fault | None:
    """Whether this is a recording: [leads, n] of finite numbers at a rate a recorder uses, with as many names as rows."""
    if samples.ndim != 2 or not 1 <= samples.shape[0] <= MOST_LEADS:
        return Fault(
            Kind.INCORRECT, "E820", "the signal is not a table of leads by samples", "signal", f"1 to {MOST_LEADS} leads"
        )
    if not (np.isfinite(rate) and 50 <= rate <= 5000):
        return Fault(Kind.INCORRECT, "E821", "the sampling rate is not one of a recorder", "fs", "50 to 5000 Hz")
    if not SHORTEST * rate <= samples.shape[1] <= LONGEST * rate:
        return Fault(Kind.INCORRECT, "E822", "the recording is too short or too long", "signal", f"{SHORTEST} to {LONGEST:.0f} s")
    if len(leads) != samples.shape[0]:
        return Fault(
            Kind.INCORRECT, "E820", "there are not as many lead names as leads", "leads", "one name a row, in their order"
        )
    if not bool(np.isfinite(samples).all()):
        return Fault(
            Kind.INCORRECT, "E823", "the signal holds values that are not numbers", "signal", "cut out or interpolate gaps"
        )
    return None


def ready(samples: npt.NDArray[np.floating], rate: float, leads: Sequence[str], wanted: Sequence[str]) -> Ready | Fault:
    """µV [leads, n] → windows of at most ten seconds of the wanted leads, half a window apart."""
    fault = check(samples, rate, leads)
    if fault:
        return fault
    chosen = some(samples, leads, wanted)
    if isinstance(chosen, Fault):
        return chosen
    signal = prepare(chosen, rate)
    reasons, readable = judge(signal)
    warnings = tuple(f"lead {name}: {why}" for name, why in zip(wanted, reasons, strict=True) if why)
    return Ready(windows(signal), reasons, readable, warnings)


def windows(signal: Array) -> Array:
    """[leads, n] → [k, leads, ≤ 1000], evenly spread over the recording, at most half overlapping."""
    length = signal.shape[1]
    if length <= WINDOW:
        return signal[None]
    count = min(MOST_WINDOWS, -(-(length - WINDOW) * 2 // WINDOW) + 1)
    starts = np.linspace(0, length - WINDOW, count).round().astype(int)
    return np.stack([signal[:, at : at + WINDOW] for at in starts])
