"""The one ECG value: whatever the file's format, a reader makes a `Recording` of it.

Amplitudes are microvolts, rates Hertz, positions sample indexes from 0. Nothing is invented: what a file does not state is empty
or None, and a time keeps its zone or its lack of one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.fault import Fault, Kind

Samples = NDArray[np.float32]

MAX_LEADS = 256
MAX_SAMPLES = 1 << 27  # all leads together: 24 h of three leads at 500 Hz
RATES = (0.1, 100_000.0)
SCALES = (1e-6, 1e6)  # µV a step


@dataclass(frozen=True, slots=True)
class Patient:
    """Who the file says it is of. `birth_date` is ISO, perhaps partial; `sex` is FHIR's code; `age` as stated (`50 a`)."""

    id: str = ""
    authority: str = ""
    name: str = ""
    family: str = ""
    given: str = ""
    birth_date: str = ""
    sex: str = ""
    age: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """What recorded it."""

    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    software: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number the device measured: `name` is one of ours (measures.py) or the device's own, `unit` is UCUM."""

    name: str
    value: Decimal
    unit: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """An interpretation the device or a reader wrote; `code` is the device's own."""

    text: str
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark on the tracing: a beat, a wave, a rhythm. `end` is None for a point; `lead` is empty for all leads."""

    label: str
    start: int
    end: int | None = None
    lead: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Median:
    """The device's representative beat: samples [leads, n] in µV."""

    leads: tuple[str, ...]
    samples: Samples
    rate: float


@dataclass(frozen=True, slots=True)
class Filters:
    """How the device filtered, in Hz; None where it does not say."""

    high_pass: float | None = None
    low_pass: float | None = None
    notch: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A tracing and what came with it.

    `samples` is float32 [leads, n] in µV, NaN where the file has a gap. `scale` and `origin` (µV, one a lead, empty when the file
    holds real numbers) are the file's own steps: sample = origin + whole number × scale, so that writers lose nothing.
    """

    format: str
    leads: tuple[str, ...]
    samples: Samples
    rate: float
    start: datetime | None = None
    patient: Patient = Patient()
    device: Device = Device()
    filters: Filters = Filters()
    measurements: tuple[Measurement, ...] = ()
    statements: tuple[Statement, ...] = ()
    median: Median | None = None
    annotations: tuple[Annotation, ...] = ()
    scale: tuple[Decimal, ...] = ()
    origin: tuple[Decimal, ...] = ()
    order: str = ""  # accession or order number
    comment: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.samples.shape[1] / self.rate)

    def lead(self, name: str) -> Samples | None:
        """One lead's samples [n], or None."""
        return self.samples[self.leads.index(name)] if name in self.leads else None


Number = Decimal | float | NDArray[np.float64]


def physical(steps: NDArray[Any], scale: Number, origin: Number = 0.0) -> Samples:
    """µV from whole steps, rounded once to float32: every reader uses this, so equal files read equal."""
    factor, zero = (one if isinstance(one, np.ndarray) else float(one) for one in (scale, origin))
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond float32 is refused by `checked`
        return (steps.astype(np.float64) * factor + zero).astype(np.float32)


def checked(recording: Recording) -> Recording | Fault:
    """The recording when its shape, rate and scales make sense; readers return through here."""
    leads, samples = recording.leads, recording.samples
    if samples.ndim != 2 or samples.shape[0] != len(leads) or not leads or samples.shape[1] == 0:
        return bad("E152", "there are no samples, or not as many channels as leads")
    if len(leads) > MAX_LEADS or samples.size > MAX_SAMPLES:
        return bad("E153", "there are more leads or samples than an ECG has")
    if not RATES[0] <= recording.rate <= RATES[1]:
        return bad("E154", "the sampling rate is not one")
    if any(not SCALES[0] <= abs(float(step)) <= SCALES[1] for step in recording.scale):
        return bad("E155", "the amplitude of a step is not one")
    if np.isinf(samples).any():
        return bad("E155", "amplitudes are beyond all bounds")
    if np.isnan(samples).all():
        return bad("E152", "every sample is missing")
    if recording.median is not None and (np.isinf(recording.median.samples).any() or not recording.median.samples.size):
        return replace(recording, median=None, warnings=(*recording.warnings, "the representative beat makes no sense"))
    return recording


def measurable(recording: Recording) -> Samples:
    """The samples up to a calibration pulse that closes the tracing: what is the patient's. Indexes stay as they are."""
    starts = [mark.start for mark in recording.annotations if mark.label == "calibration" and mark.start > 0]
    return recording.samples[:, : min(starts)] if starts else recording.samples


def bad(code: str, text: str, at: str = "", help: str = "") -> Fault:
    """A fault of an ECG file."""
    return Fault(Kind.INCORRECT, code, text, at, help)


def stacked(rows: list[NDArray[Any]], warnings: list[str]) -> Samples:
    """Leads of unequal length become one array, the short ones filled up with NaN and a warning."""
    length = max((len(row) for row in rows), default=0)
    if all(len(row) == length for row in rows):
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), length)
    if length * len(rows) > max(4 * sum(len(row) for row in rows), 1 << 20):
        return np.zeros((0, 0), np.float32)
    warnings.append("leads are of unequal length; the short ones are filled up with gaps")
    out = np.full((len(rows), length), np.nan, np.float32)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return out
