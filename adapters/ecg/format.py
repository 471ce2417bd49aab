"""ECG files as a message format: the envelope knows a file by its digest, so the same file twice is a duplicate.

Paths are few and plain, for `accept if` and `in order by`: `format`, `rate`, `duration`, `leads`, `order`, `start`, `patient.id`,
`patient.family`, `patient.birth_date`, `patient.sex`, `device.manufacturer`, `device.model`, `device.serial`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.ecg.formats import read
from adapters.ecg.recording import Recording
from engine.fault import Fault, Kind
from engine.types import Envelope

PATHS: dict[str, Callable[[Recording], str]] = {
    "format": lambda one: one.format, "rate": lambda one: f"{one.rate:g}", "duration": lambda one: f"{one.duration:g}",
    "leads": lambda one: " ".join(one.leads), "order": lambda one: one.order,
    "start": lambda one: one.start.isoformat() if one.start else "", "patient.id": lambda one: one.patient.id,
    "patient.family": lambda one: one.patient.family, "patient.birth_date": lambda one: one.patient.birth_date,
    "patient.sex": lambda one: one.patient.sex, "device.manufacturer": lambda one: one.device.manufacturer,
    "device.model": lambda one: one.device.model, "device.serial": lambda one: one.device.serial,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Tracing:
    """A parsed ECG file as a scope: the recording, and the bytes it came from."""

    recording: Recording
    body: bytes

    def each(self, group: str) -> Sequence[Tracing]:
        """An ECG has no groups."""
        return ()


@dataclass(frozen=True, slots=True)
class Place:
    """A compiled path."""

    text: str
    type: str = "ST"
    repeats: bool = False

    def first(self, scope: Any) -> str | None:
        """The value, or None when the file does not state it."""
        return PATHS[self.text](scope.recording) or None

    def all(self, scope: Any) -> list[Any]:
        """The value as a list of none or one."""
        found = self.first(scope)
        return [] if found is None else [found]

    def where(self, scope: Any) -> tuple[str, int, int]:
        """The path; a file of bytes and numbers has no span to show."""
        return self.text, 0, 0


@dataclass(frozen=True, slots=True)
class Ecg:
    """Any ECG file that `isthmus ecg formats` lists."""

    name: str = "ecg"

    def envelope(self, body: bytes) -> Envelope | Fault:
        """The digest as control id, so that a file that comes twice has one effect."""
        return Envelope(type="ECG", control_id=hashlib.sha256(body).hexdigest())

    def parse(self, body: bytes) -> Tracing | Fault:
        """Reads the file; never raises."""
        found = read(body)
        return Tracing(found, body) if isinstance(found, Recording) else found

    def path(self, text: str, structure: str = "", group: str = "") -> Place | Fault:
        """One of the paths, or the fault that lists them."""
        if text not in PATHS:
            return Fault(Kind.NOT_FOUND, "E165", f"an ECG has no {text[:60]}", text[:60], ", ".join(PATHS))
        return Place(text)
