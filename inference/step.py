"""The step `classify`: what the models and the table of findings say of an ECG, as an addendum to its report.

It stands in a channel of its own that is handed each ECG once its report is stored: a model that is slow, hangs or dies never delays
or loses a report, and what it says later has the same ids whenever it comes. This module imports nothing that computes.
"""

from __future__ import annotations

import base64
import binascii
import time
import zlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from engine.fault import Fault, Kind
from engine.types import FILTERED, JSON, Event, Filtered, Put, Run, Site, Work
from inference.counted import inferred

MODEL = "twelve"  # where none has answered
LONGEST = 30.0  # seconds for one ECG
PATIENCE = 2.0  # seconds that a message waits for it; then reports behind it go first, and it comes again for what was found
LARGEST = 1 << 28
BEYOND = ("E821", "E822", "E823", "E824")  # not a recording these models read: nothing is said of it, and nothing is wrong
SEVERE = {"normal": "N", "borderline": "A", "abnormal": "A", "critical": "AA"}
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


class Asked(msgspec.Struct, frozen=True):
    """What the channel `ecg` hands over.

    `samples` is Base64 of zlib: of little-endian float32 [leads, n] in µV; or, with `scale` and `origin` (µV, one a lead), of
    little-endian int16 steps from sample to sample modulo 65 536, each lead's first from 0.
    """

    digest: str
    report: str
    leads: list[str]
    rate: float
    samples: str
    scale: list[float] = []
    origin: list[float] = []
    base: dict[str, Any] = {}
    measurements: list[dict[str, Any]] = []
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Classify:
    """`classify` classifies and interprets the ECG that another channel's destination `ecg_signal` handed over.

    `findings` is the file of a site's own table of findings, absolute; the shipped one is inference/interpret/table.yaml.
    """

    findings: str = ""  # a site's own table of findings, as an absolute path; empty for the shipped one
    slow: ClassVar[bool] = True

    def compile(self, site: Site) -> Run | Fault:
        """Reads the site's table, so that its mistakes are told before anything is deployed."""
        call = site.call_slow
        if self.findings:
            from inference.interpret.table import load  # noqa: PLC0415

            table = load(Path(self.findings))
            if isinstance(table, Fault):
                place = f"{Path(self.findings).name} {table.at}"
                return replace(table, at=place, text=f"{place}: {table.text}")

        def step(work: Work) -> Work | Fault | Filtered:
            given = (work.message.body, work.message.received, self.findings)
            made: tuple[list[JSON], Event] | Fault | None
            began = time.monotonic()
            made = perform(*given) if call is None else call(perform, *given, timeout=LONGEST, patience=PATIENCE)
            if made is not None and not (isinstance(made, Fault) and made.code == "E296"):  # what goes on is counted once
                outcome = made if isinstance(made, Fault) else bool(made[1].body["abstained"])
                inferred(MODEL if isinstance(made, Fault) else made[1].body["model"]["name"], outcome, time.monotonic() - began)
            if made is None or isinstance(made, Fault):
                return made or FILTERED
            puts = (Put(body, once=True) for body in made[0])
            return replace(work, puts=(*work.puts, *puts), events=(*work.events, made[1]))

        return step


def unpacked(asked: Asked) -> Any:
    """The samples as an array [leads, n] in µV; raises ValueError, binascii.Error or zlib.error where they are not what they should be."""
    import numpy as np  # noqa: PLC0415

    raw = zlib.decompressobj().decompress(base64.b64decode(asked.samples, validate=True), LARGEST)
    if not asked.scale:
        return np.frombuffer(raw, "<f4").reshape(len(asked.leads), -1)
    steps = np.frombuffer(raw, "<i2").reshape(len(asked.leads), -1).cumsum(axis=1, dtype=np.int16)
    scale, origin = (np.array(row).reshape(len(asked.leads), 1) for row in (asked.scale, asked.origin))
    return (steps * scale + origin).astype(np.float32)


def perform(body: bytes, received: datetime, findings: str = "") -> tuple[list[JSON], Event] | Fault | None:
    """The addendum's resources and the event that tells of them; None for a recording that the models do not read.

    In whichever process it is called, models are loaded there.
    """
    from inference import addendum, analysis  # noqa: PLC0415
    from inference.interpret.table import load, shipped  # noqa: PLC0415

    try:
        asked = msgspec.json.decode(body, type=Asked)
        samples = unpacked(asked)
    except (msgspec.MsgspecError, binascii.Error, zlib.error, ValueError):
        return Fault(Kind.INCORRECT, "E838", "this is no ECG that the destination `ecg_signal` hands over", "body")
    table = load(Path(findings)) if findings else shipped()
    if isinstance(table, Fault):
        return table
    said = analysis.classify(samples, asked.rate, asked.leads, {"measurements": asked.measurements}, table)
    if "fault" in said and said["fault"]["code"] in BEYOND:
        return None
    if "fault" in said:
        return Fault(**(said["fault"] | {"kind": Kind(said["fault"]["kind"])}))
    name = asked.report.rpartition("/")[2]
    made = addendum.resources(said, asked.digest, asked.base, received.isoformat(timespec="milliseconds"), name)
    severity = said["interpretation"]["severity"]
    numbers = next(one for one in made if one["resourceType"] == "Observation")
    if numbers.get("component"):
        numbers["interpretation"] = [{"coding": [{"system": INTERPRETATION, "code": SEVERE[severity]}]}]
    report = next(one for one in made if one["resourceType"] == "DiagnosticReport")
    told = {"report": f"DiagnosticReport/{report['id']}", "of": asked.report, "interpretation": said["interpretation"]}
    return made, Event("ecg", told | {"model": said["model"], "abstained": said["abstained"]}, asked.patient, severity)
