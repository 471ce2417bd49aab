"""A recording as FHIR R4: tracing, measurements, report, devices, source and provenance, ids from the file's digest.

The same file gives the same resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from adapters.ecg.fhir_numbers import our_numbers, recorders_numbers
from adapters.ecg.fhir_parts import JSON, MDC, Context, Source, observation, to
from adapters.ecg.fhir_report import algorithm_of, binary, provenance, recorder_of, report_of
from adapters.ecg.fhir_samples import components, own_steps
from adapters.ecg.recording import Median, Recording
from adapters.ecg.whole import Whole
from fhir.ids import resource_id

TRACING = {"coding": [{"system": MDC, "code": "131328", "display": "MDC_ECG_ELEC_POTL"}], "text": "ECG tracing"}


def resources(
    recording: Recording,
    source: Source,
    context: Context,
    measured: Mapping[str, Any] | None = None,
    drawings: Mapping[str, bytes] | None = None,
    steps: Whole | None = None,
) -> list[JSON]:
    """All resources of a recording, those referred to first.

    `measured` is an analysis as plain JSON, `drawings` bytes by content type, `steps` what `own_steps` found of the recording.
    """
    local = replace(recording, start=_zoned(recording.start, context.zone))
    recorder, algorithm = recorder_of(local), algorithm_of(context)
    out = [recorder] if recorder else []
    used = measured is not None and bool(measured.get("measurements"))
    out += [algorithm] if used else []
    out += [binary(source)] if source.body else []
    main = tracing(local, source, context.subject, recorder, steps)
    out.append(main)
    if local.median is not None:
        out.append(_beat(local, local.median, source, context.subject, recorder))
    numbers = recorders_numbers(local, source, context.subject, recorder, main)
    if used and measured is not None:
        numbers += our_numbers(local, source, context.subject, algorithm, main, measured["measurements"])
    out += numbers
    report = report_of(local, source, context, [main, *numbers], drawings or {})
    return [*out, report, provenance(source, context, [*out, report], algorithm if used else None)]


def tracing(
    recording: Recording, source: Source, subject: JSON | None = None, recorder: JSON | None = None, steps: Whole | None = None
) -> JSON:
    """The Observation with one component of SampledData a lead; what was odd in the file stands as its notes."""
    odd: JSON = {"note": [{"text": text} for text in dict.fromkeys(recording.warnings)]} if recording.warnings else {}
    return observation(
        recording, resource_id("Observation", "ecg", source.digest), TRACING, subject, recorder, status="final", **odd,
        component=components(recording, steps or own_steps(recording)),
    )  # fmt: skip


def _beat(recording: Recording, beat: Median, source: Source, subject: JSON | None, recorder: JSON | None) -> JSON:
    scale = dict(zip(recording.leads, recording.scale, strict=False))
    known = tuple(scale[lead] for lead in beat.leads) if all(lead in scale for lead in beat.leads) else ()
    part = replace(
        recording, leads=beat.leads, samples=beat.samples, rate=beat.rate, scale=known, origin=(Decimal(0),) * len(known)
    )
    return observation(
        recording, resource_id("Observation", "ecg-beat", source.digest), {"text": "Representative beat"}, subject, recorder,
        status="final", derivedFrom=[to("Observation", resource_id("Observation", "ecg", source.digest))],
        component=components(part, own_steps(part)),
    )  # fmt: skip


def _zoned(start: datetime | None, zone: tzinfo | None) -> datetime | None:
    return start.replace(tzinfo=zone) if start is not None and start.tzinfo is None and zone is not None else start
