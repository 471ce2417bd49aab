"""A file to everything a channel stores and tells of it: one pure function, run in a process of its own."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from adapters.ecg.draw import Options, page, pdf, svg
from adapters.ecg.draw.shapes import Page
from adapters.ecg.embedded import encapsulated
from adapters.ecg.fhir_parts import Context, Source
from adapters.ecg.fhir_samples import own_steps
from adapters.ecg.formats import read
from adapters.ecg.hl7_subject import subject
from adapters.ecg.recording import Recording, bad, measurable
from adapters.ecg.resources import resources
from adapters.ecg.step import Made, Signal, Task
from adapters.ecg.whole import Whole
from engine.fault import Fault

TYPES = {"pdf": ("application/pdf", pdf), "svg": ("image/svg+xml", svg)}
MOST = 32767  # steps that fit 16 bits
SHARED = ("subject", "effectiveDateTime")


def perform(task: Task, message: bytes, received: datetime) -> Made | Fault:
    """Reads, measures, draws and makes resources of a file, or of the one that an HL7 message holds."""
    body = encapsulated(message)
    recording = read(body)
    if isinstance(recording, Fault):
        return recording
    analyse = analysis() if task.measure else None
    measured = analyse(measurable(recording), recording.rate, recording.leads, tables=False) if analyse else None
    drawings = _drawings(recording, task, measured)
    source = Source(hashlib.sha256(body).hexdigest(), body)
    context = Context(received, subject(message), zone=ZoneInfo(task.zone) if task.zone else None, version=task.version)
    steps = own_steps(recording)
    made = resources(recording, source, context, measured, drawings, steps)
    report = next(one for one in made if one["resourceType"] == "DiagnosticReport")
    name = f"DiagnosticReport/{report['id']}"
    return Made(
        source.digest, tuple(made), signal(recording, steps), measured, _event(recording, measured, name), recording.patient.id, name,
        {key: report[key] for key in SHARED if key in report}, tuple(bad("E167", text) for text in recording.warnings),
    )  # fmt: skip


def signal(recording: Recording, found: Whole | None) -> Signal:
    """The samples as whole steps where the file has such and no gaps, half as long; else as they are."""
    if found is None or found.missing.any() or np.abs(found.steps).max() > MOST:
        return Signal(recording.leads, recording.rate, zlib.compress(recording.samples.astype("<f4").tobytes(), 1))
    steps = np.diff(found.steps, axis=1, prepend=0).astype("<i2")  # modulo 65 536, as the sum is
    scale, origin = (tuple(float(one) for one in row) for row in (found.scale, found.origin))
    return Signal(recording.leads, recording.rate, zlib.compress(steps.tobytes(), 1), scale, origin)


@cache
def analysis() -> Callable[..., dict[str, Any]] | None:
    """The plug-in that measures, or None where there is none."""
    for point in entry_points(group="isthmus.analyses", name="measure"):
        found: Callable[..., dict[str, Any]] = point.load()
        return found
    return None


def _drawings(recording: Recording, task: Task, measured: Mapping[str, Any] | None) -> dict[str, bytes]:
    drawn = page(recording, Options(task.layout), measured) if task.draw else None
    return {TYPES[kind][0]: TYPES[kind][1](drawn) for kind in task.draw} if isinstance(drawn, Page) else {}


def _event(recording: Recording, measured: Mapping[str, Any] | None, report: str) -> dict[str, Any]:
    numbers = {one["name"]: one["value"] for one in (measured or {}).get("measurements", ()) if not one["lead"]}
    start = recording.start.isoformat() if recording.start else None
    return {"report": report, "leads": list(recording.leads), "rate": recording.rate, "measurements": numbers, "at": start}
