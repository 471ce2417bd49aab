"""The step `ecg`: a recording to resources, drawing and an event; the work of a channel in one pure function."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.ecg.draw import Options, page, pdf, svg
from adapters.ecg.draw.shapes import Page
from adapters.ecg.formats import read
from adapters.ecg.recording import Recording, bad, measurable
from adapters.ecg.resources import Context, Source, resources
from engine.fault import Fault, Kind
from engine.types import Event, Put, Run, Site, Work

TYPES = {"pdf": ("application/pdf", pdf), "svg": ("image/svg+xml", svg)}


@dataclass(frozen=True, slots=True)
class Ecg:
    """`ecg: {}` measures, draws and stores a recording.

    `draw` is pdf, svg, `pdf, svg` or none; `zone` is the zone of recorders that state none; `measure: no` keeps the recorder's own
    values only. In an HL7 message the file is the first ED value of an OBX.
    """

    draw: str = "pdf"
    layout: str = "3x4"
    zone: str = ""
    measure: str = "yes"

    def compile(self, site: Site) -> Run | Fault:
        """Checks the options, and looks the analysis up once."""
        kinds = [] if self.draw.strip() in ("", "none") else [kind.strip() for kind in self.draw.split(",")]
        wrong = [kind for kind in kinds if kind not in TYPES]
        if wrong or self.layout not in ("3x4", "6x2", "12x1"):
            return Fault(Kind.INCORRECT, "E166", "no such drawing", "ecg", "draw: pdf, svg or none; layout: 3x4, 6x2 or 12x1")
        try:
            zone = ZoneInfo(self.zone) if self.zone else None
        except (ZoneInfoNotFoundError, ValueError):
            return Fault(Kind.INCORRECT, "E166", "no such time zone", "ecg.zone", "a name such as Europe/Berlin")
        points = (
            list(entry_points(group="isthmus.analyses", name="measure")) if self.measure.lower() not in ("no", "false") else []
        )
        analyse = points[0].load() if points else None

        def step(work: Work) -> Work | Fault:
            one = _recording(work)
            if isinstance(one, Fault):
                return one
            recording, body = one
            measured = analyse(measurable(recording), recording.rate, recording.leads) if analyse else None
            context = Context(work.message.received, zone=zone, version=_version())
            return _done(work, recording, body, measured, context, _drawings(recording, kinds, self.layout, measured))

        return step


def _recording(work: Work) -> tuple[Recording, bytes] | Fault:
    """The recording of the message: its own, or the file inside an encapsulated value."""
    if isinstance(getattr(work.document, "recording", None), Recording):
        return work.document.recording, work.document.body
    body = encapsulated(work.message.body)
    found = read(body)
    return (found, body) if isinstance(found, Recording) else found


def encapsulated(body: bytes) -> bytes:
    """The bytes of the first ED value of an HL7 message (source ^ type ^ subtype ^ Base64 ^ data), else the body itself."""
    if not body.lstrip(b"\x0b").startswith(b"MSH") or len(body) < 10:
        return body
    field, component = body.lstrip(b"\x0b")[3:4], body.lstrip(b"\x0b")[4:5]
    for line in body.replace(b"\n", b"\r").split(b"\r"):
        cells = line.split(field)
        if cells[0] == b"OBX" and len(cells) > 5 and cells[2] == b"ED":
            parts = cells[5].split(component)
            if len(parts) > 4 and parts[3].lower() == b"base64":
                try:
                    return base64.b64decode(parts[4], validate=True)
                except binascii.Error:
                    return b""
    return body


def _drawings(recording: Recording, kinds: list[str], layout: str, measured: Mapping[str, Any] | None) -> dict[str, bytes]:
    drawn = page(recording, Options(layout), measured) if kinds else None
    return {TYPES[kind][0]: TYPES[kind][1](drawn) for kind in kinds} if isinstance(drawn, Page) else {}


def _done(
    work: Work, recording: Recording, body: bytes, measured: Mapping[str, Any] | None, context: Context, drawings: dict[str, bytes]
) -> Work:  # fmt: skip
    """The work with what is to be stored and told."""
    source = Source(hashlib.sha256(body).hexdigest(), body)
    made = resources(recording, source, context, measured, drawings)
    report = next(one for one in made if one["resourceType"] == "DiagnosticReport")
    said = {"report": f"DiagnosticReport/{report['id']}", "leads": list(recording.leads), "rate": recording.rate}
    numbers = {one["name"]: one["value"] for one in (measured or {}).get("measurements", ()) if not one["lead"]}
    event = Event("ecg", said | {"measurements": numbers, "at": _iso(recording.start)}, recording.patient.id)
    warnings = tuple(bad("E167", text) for text in recording.warnings)
    kept = {**work.data, "ecg": {"recording": recording, "measured": measured, "drawings": drawings, "resources": made}}
    return replace(
        work, puts=(*work.puts, *(Put(one) for one in made)), events=(*work.events, event), warnings=(*work.warnings, *warnings), data=kept
    )  # fmt: skip


def _iso(start: datetime | None) -> str | None:
    return start.isoformat() if start else None


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415

    return version("isthmus")
