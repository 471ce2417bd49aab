"""ECG files as a message format: the envelope knows a file by its digest, so the same file twice is a duplicate.

Paths are few and plain, for `accept if` and `in order by`: `format`, `rate`, `duration`, `leads`, `order`, `start`, `patient.id`,
`patient.family`, `patient.birth_date`, `patient.sex`, `device.manufacturer`, `device.model`, `device.serial`.

A file is read when something is asked of it: the step `ecg` reads it in a process of its own, so a channel that asks nothing
beforehand costs the engine's own process nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.ecg.embedded import encapsulated
from engine.fault import Fault, Kind, Refused
from engine.types import Envelope

if TYPE_CHECKING:
    from adapters.ecg.recording import Recording

PATHS: dict[str, Callable[[Recording], str]] = {
    "format": lambda one: one.format, "rate": lambda one: f"{one.rate:g}", "duration": lambda one: f"{one.duration:g}",
    "leads": lambda one: " ".join(one.leads), "order": lambda one: one.order,
    "start": lambda one: one.start.isoformat() if one.start else "", "patient.id": lambda one: one.patient.id,
    "patient.family": lambda one: one.patient.family, "patient.birth_date": lambda one: one.patient.birth_date,
    "patient.sex": lambda one: one.patient.sex, "device.manufacturer": lambda one: one.device.manufacturer,
    "device.model": lambda one: one.device.model, "device.serial": lambda one: one.device.serial,
}  # fmt: skip


class Tracing:
    """An ECG file as a scope: its bytes, and the recording once it was asked for."""

    __slots__ = ("_read", "body")
    name = ""
    parent = None

    def __init__(self, body: bytes) -> None:
        self.body = body
        self._read: Recording | Fault | None = None

    @property
    def recording(self) -> Recording:
        """The recording; what cannot be read leaves as Refused, which holds the message with its fault."""
        if self._read is None:
            from adapters.ecg.formats import read  # noqa: PLC0415

            self._read = read(encapsulated(self.body))
        if isinstance(self._read, Fault):
            raise Refused(self._read)
        return self._read

    def each(self, group: str) -> Sequence[Tracing]:
        """An ECG has no groups."""
        return ()


@dataclass(frozen=True, slots=True)
class Place:
    """A compiled path."""

    text: str
    type: str = "ST"
    typed_by: str = ""
    repeats: bool = False
    outer: bool = False

    def home(self, scope: Any) -> Any:
        """An ECG is one scope."""
        return scope

    def first(self, scope: Any) -> str | None:
        """The value, or None when the file does not state it."""
        return PATHS[self.text](scope.recording) or None

    def all(self, scope: Any) -> list[Any]:
        """The value as a list of none or one."""
        found = self.first(scope)
        return [] if found is None else [found]

    def null(self, scope: Any) -> bool:
        """A file never says that something stored is to be deleted."""
        return False

    def where(self, scope: Any) -> tuple[str, int, int]:
        """The path; a file of bytes and numbers has no span to show."""
        return self.text, 0, 0


@dataclass(frozen=True, slots=True)
class Ecg:
    """Any ECG file that `isthmus ecg formats` lists."""

    name: str = "ecg"

    def envelope(self, body: bytes) -> Envelope | Fault:
        """The file's digest as control id, so that a file that comes twice has one effect whoever sends it."""
        return Envelope(type="ECG", sender="file", control_id=hashlib.sha256(encapsulated(body)).hexdigest())

    def parse(self, body: bytes) -> Tracing | Fault:
        """The file as a scope, not read yet; never raises."""
        return Tracing(body) if body.strip(b"\0 \r\n\t") else Fault(Kind.INCORRECT, "E151", "the file is empty")

    def path(self, text: str, structure: str = "", group: str = "") -> Place | Fault:
        """One of the paths, or the fault that lists them."""
        if text not in PATHS:
            return Fault(Kind.NOT_FOUND, "E165", f"an ECG has no {text[:60]}", text[:60], ", ".join(PATHS))
        return Place(text)
