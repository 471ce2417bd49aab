"""The step `ecg`: a recording to resources, drawing and an event. What takes a processor for long runs in another process.

This module is loaded wherever a channel is read; it imports nothing that reads or draws.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.fault import Fault, Kind
from engine.types import JSON, Event, Put, Run, Site, Work

DRAWINGS, LAYOUTS = ("pdf", "svg"), ("3x4", "6x2", "12x1")
LONGEST = 60.0  # seconds for one recording


@dataclass(frozen=True, slots=True)
class Task:
    """What is done with a file, and what its resources need to know; travels to the process that does it."""

    draw: tuple[str, ...] = ("pdf",)
    layout: str = "3x4"
    zone: str = ""
    measure: bool = True
    version: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """A recording's samples on their way between processes, `packed` by zlib.

    With `scale` and `origin` (µV, one a lead): little-endian int16, each the step from the sample before it, the first from 0, modulo
    65 536; sample = origin + sum of the steps × scale. Without them: little-endian float32 [leads, n] in µV.
    """

    leads: tuple[str, ...]
    rate: float
    packed: bytes = field(repr=False)
    scale: tuple[float, ...] = ()
    origin: tuple[float, ...] = ()

    @property
    def samples(self) -> Any:
        """The samples as an array [leads, n] of float32 in µV."""
        import numpy as np  # noqa: PLC0415

        raw = zlib.decompress(self.packed)
        if not self.scale:
            return np.frombuffer(raw, "<f4").reshape(len(self.leads), -1)
        steps = np.frombuffer(raw, "<i2").reshape(len(self.leads), -1).cumsum(axis=1, dtype=np.int16)
        return (steps * np.array(self.scale)[:, None] + np.array(self.origin)[:, None]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a file. `base` is what resources derived from it share: subject and time."""

    digest: str
    resources: tuple[JSON, ...]
    signal: Signal
    measured: Mapping[str, Any] | None
    event: JSON
    patient: str = ""
    report: str = ""
    base: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Ecg:
    """`ecg: {}` measures, draws and stores a recording.

    `draw` is pdf, svg, `pdf, svg` or none; `zone` is the zone of recorders that state none; `measure: no` keeps the recorder's own
    values only. In an HL7 message the file is the first ED value of an OBX. Later steps find a `Made` in `data["ecg"]`.
    """

    slow: ClassVar[bool] = True

    draw: str = "pdf"  # the pages that are kept: pdf, svg, or none
    layout: str = "3x4"  # 3x4, 6x2 or 12x1
    zone: str = ""  # of recorders that state none, such as Europe/Berlin
    measure: str = "yes"  # no keeps the recorder's own values only

    def compile(self, site: Site) -> Run | Fault:
        """Checks the options."""
        kinds = () if self.draw.strip() in ("", "none") else tuple(kind.strip() for kind in self.draw.split(","))
        if not set(kinds) <= set(DRAWINGS) or self.layout not in LAYOUTS:
            return Fault(Kind.INCORRECT, "E166", "no such drawing", "ecg", "draw: pdf, svg or none; layout: 3x4, 6x2 or 12x1")
        try:
            ZoneInfo(self.zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            return Fault(Kind.INCORRECT, "E166", "no such time zone", "ecg.zone", "a name such as Europe/Berlin")
        task = Task(kinds, self.layout, self.zone, self.measure.lower() not in ("no", "false"), _version())
        call = site.call_slow

        def step(work: Work) -> Work | Fault:
            given = (task, work.message.body, work.message.received)
            made: Made | Fault = perform(*given) if call is None else call(perform, *given, timeout=LONGEST)
            return made if isinstance(made, Fault) else _done(work, made)

        return step


def perform(task: Task, body: bytes, received: datetime) -> Made | Fault:
    """Reads, measures, draws and describes a file; in whichever process it is called, what that needs is imported there."""
    from adapters.ecg.perform import perform as work  # noqa: PLC0415

    return work(task, body, received)


def _done(work: Work, made: Made) -> Work:
    """The work with what is to be stored and told."""
    puts = (Put(one, once=one["resourceType"] == "Provenance") for one in made.resources)
    event = Event("ecg", made.event, made.patient)
    return replace(
        work, puts=(*work.puts, *puts), events=(*work.events, event), warnings=(*work.warnings, *made.warnings),
        data={**work.data, "ecg": made},
    )  # fmt: skip


@cache
def _version() -> str:
    return version("isthmus")
