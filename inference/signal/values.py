"""What measuring an electrocardiogram gives: values that say how they were obtained and how sure they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from engine.fault import Fault
from inference.signal.quality import LeadQuality


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured value. `sure` is 0 to 1; `lead` is empty for a value of the whole recording."""

    name: str  # QT, PR, ST_J60 …
    value: float
    unit: str  # UCUM: ms, /min, uV, deg, 1
    method: str
    sure: float
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Beat:
    """A beat: the sample of its QRS complex, its time in s, its class and how sure the class is."""

    sample: int
    time: float
    kind: str
    sure: float


@dataclass(frozen=True, slots=True)
class Wave:
    """A P, QRS or T in one lead: samples at the recording's rate. `beat` counts from 0, −1 for a P that no QRS follows."""

    wave: str
    onset: int
    peak: int
    offset: int
    beat: int
    sure: float


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of the recording in which there are no beats to count, in samples of the recording."""

    kind: str  # "ventricular flutter or fibrillation", "not recorded"
    onset: int
    offset: int


@dataclass(frozen=True, slots=True)
class Hint:
    """Something about the electrodes that a person should look at."""

    code: str  # lead-off, arm-reversal …
    text: str
    sure: float


@dataclass(frozen=True, slots=True)
class MedianBeat:
    """The median beat as measured: µV by lead at `rate` Hz, the beat at sample `at`, and its waves by lead."""

    rate: float
    at: int
    count: int
    samples: dict[str, list[float]]
    waves: dict[str, tuple[Wave, ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything measured in one recording."""

    rate: float
    length: int
    leads: tuple[str, ...]
    mains: float  # Hz removed, 0 when none was found
    beats: tuple[Beat, ...] = ()
    episodes: tuple[Episode, ...] = ()
    waves: dict[str, tuple[Wave, ...]] = field(default_factory=dict)
    median: MedianBeat | None = None
    measurements: tuple[Measurement, ...] = ()
    quality: tuple[LeadQuality, ...] = ()
    hints: tuple[Hint, ...] = ()
    warnings: tuple[Fault, ...] = ()

    def get(self, name: str, lead: str = "") -> Measurement | None:
        """The measurement of that name, or None where the signal does not carry it."""
        return next((m for m in self.measurements if m.name == name and m.lead == lead), None)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        body = {name: getattr(self, name) for name in ("rate", "length", "mains")}
        body["leads"] = list(self.leads)
        for name in ("beats", "episodes", "measurements", "quality", "hints"):
            body[name] = [plain(row) for row in getattr(self, name)]
        body["waves"] = {lead: [plain(wave) for wave in waves] for lead, waves in self.waves.items()}
        body["median"] = None
        if self.median is not None:
            body["median"] = plain(self.median)
            body["median"]["waves"] = {lead: [plain(wave) for wave in waves] for lead, waves in self.median.waves.items()}
        body["warnings"] = [warning.as_dict() for warning in self.warnings]
        return body


_columns: dict[type, tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]] = {}  # a class's names, and what reads them


def plain(row: Any) -> dict[str, Any]:
    """A slotted dataclass as a dict, one level deep."""
    found = _columns.get(type(row))
    if found is None:
        names: tuple[str, ...] = tuple(row.__slots__)
        found = _columns[type(row)] = names, attrgetter(*names)
    names, values = found
    return dict(zip(names, values(row), strict=True))
