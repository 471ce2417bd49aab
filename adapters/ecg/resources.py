"""A recording as FHIR R4: tracing, measurements, report, devices, source and provenance, ids from the file's digest.

The same file gives the same resources. Amplitudes are the file's own whole steps with factor and origin, so samples come back
bit for bit. A dateTime with a time of day needs a zone: where neither the file nor the caller knows it, the day alone is stated.
Sources: R4 Observation, SampledData, DiagnosticReport; IEEE 11073-10101 (MDC), LOINC, UCUM.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from adapters.ecg.leads import mdc
from adapters.ecg.measures import BY_NAME, Measure
from adapters.ecg.recording import Median, Recording, Samples
from adapters.ecg.whole import Whole, whole
from fhir.ids import resource_id

JSON = dict[str, Any]
LOINC, MDC, UCUM = "http://loinc.org", "urn:iso:std:iso:11073:10101", "http://unitsofmeasure.org"
LOCAL = "urn:isthmus:ecg-measurement"
SHOWN = {"uV": "µV", "deg": "°"}  # units as people write them
STUDY = {"coding": [{"system": LOINC, "code": "11524-6", "display": "EKG study"}], "text": "Electrocardiogram"}
TRACING = {"coding": [{"system": MDC, "code": "131328", "display": "MDC_ECG_ELEC_POTL"}], "text": "ECG tracing"}
CATEGORY = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "procedure"}]}]
REPORT_CATEGORY = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "EC"}]}]
PLACER = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]}


@dataclass(frozen=True, slots=True)
class Source:
    """The file: its SHA-256 in hex, and, to be kept as Binary, its bytes and content type."""

    digest: str
    body: bytes = b""
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Context:
    """What the caller knows: who it is of (else the file's own identifier), the site's zone, when it came, what measured it."""

    received: datetime
    subject: JSON | None = None
    zone: tzinfo | None = None
    algorithm: str = "Isthmus ECG measurement"
    version: str = ""


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
    recorder, algorithm = _recorder(local), _algorithm(context)
    out = [recorder] if recorder else []
    used = measured is not None and bool(measured.get("measurements"))
    out += [algorithm] if used else []
    out += [_binary(source)] if source.body else []
    main = tracing(local, source, context.subject, recorder, steps)
    out.append(main)
    if local.median is not None:
        out.append(_beat(local, local.median, source, context.subject, recorder))
    numbers = _device_numbers(local, source, context.subject, recorder, main)
    if used and measured is not None:
        numbers += _own_numbers(local, source, context.subject, algorithm, main, measured["measurements"])
    out += numbers
    report = _report(local, source, context, [main, *numbers], drawings or {})
    return [*out, report, _provenance(source, context, [*out, report], algorithm if used else None)]


def tracing(
    recording: Recording, source: Source, subject: JSON | None = None, recorder: JSON | None = None, steps: Whole | None = None
) -> JSON:
    """The Observation with one component of SampledData a lead."""
    return _observation(
        recording, resource_id("Observation", "ecg", source.digest), TRACING, subject, recorder, status="final",
        component=_components(recording, steps or own_steps(recording)),
    )  # fmt: skip


def _beat(recording: Recording, beat: Median, source: Source, subject: JSON | None, recorder: JSON | None) -> JSON:
    scale = dict(zip(recording.leads, recording.scale, strict=False))
    known = tuple(scale[lead] for lead in beat.leads) if all(lead in scale for lead in beat.leads) else ()
    part = replace(
        recording, leads=beat.leads, samples=beat.samples, rate=beat.rate, scale=known, origin=(Decimal(0),) * len(known)
    )
    return _observation(
        recording, resource_id("Observation", "ecg-beat", source.digest), {"text": "Representative beat"}, subject, recorder,
        status="final", derivedFrom=[_to("Observation", resource_id("Observation", "ecg", source.digest))],
        component=_components(part, own_steps(part)),
    )  # fmt: skip


def _observation(recording: Recording, id: str, code: JSON, subject: JSON | None, device: JSON | None, **rest: Any) -> JSON:
    body: JSON = {"resourceType": "Observation", "id": id, "status": "preliminary", "category": CATEGORY, "code": code}
    who = subject or _subject(recording)
    body |= {"subject": who} if who else {}
    body |= {"effectiveDateTime": when(recording.start)} if recording.start else {}
    body |= {"device": _to("Device", device["id"])} if device else {}
    return body | rest


def _to(type: str, id: str) -> JSON:
    return {"reference": f"{type}/{id}"}


def _subject(recording: Recording) -> JSON | None:
    """A logical reference: the identifier the file states, with its authority only if it has one."""
    who = recording.patient
    if not who.id:
        return None
    system = {"system": f"urn:oid:{who.authority}"} if who.authority.replace(".", "").isdigit() else {}
    return {"type": "Patient", "identifier": system | {"value": who.id}}


def _zoned(start: datetime | None, zone: tzinfo | None) -> datetime | None:
    return start.replace(tzinfo=zone) if start is not None and start.tzinfo is None and zone is not None else start


def when(start: datetime) -> str:
    """A FHIR dateTime: to the millisecond with its zone, the day alone without one."""
    if start.tzinfo is None:
        return start.date().isoformat()
    return start.isoformat(timespec="milliseconds" if start.microsecond else "seconds")


def own_steps(recording: Recording) -> Whole | None:
    """The recording in the file's own whole steps; None where it has none, or they are not exactly the samples."""
    found = whole(recording, 1 << 53) if recording.scale else None
    return found if isinstance(found, Whole) and found.exact else None


def _components(recording: Recording, found: Whole | None) -> list[JSON]:
    period = (Decimal(1000) / Decimal(repr(recording.rate))).normalize()
    out = []
    for n, lead in enumerate(recording.leads):
        if found is not None:
            data = _spaced(found.steps[n].tolist())
            if found.missing[n].any():
                data = " ".join("E" if gap else step for step, gap in zip(data.split(), found.missing[n].tolist(), strict=True))
            origin, factor = found.origin[n], {"factor": _plain(found.scale[n])}
        else:
            data, origin, factor = _written(recording.samples[n]), Decimal(0), {}
        out.append(
            {
                "code": _lead_code(lead),
                "valueSampledData": {
                    "origin": _quantity(origin, "uV"),
                    "period": _plain(period),
                    **factor,
                    "dimensions": 1,
                    "data": data,
                },
            }
        )
    return out


def _spaced(steps: list[int]) -> str:
    """Whole numbers with a blank between them, written in one go."""
    return msgspec.json.encode(steps)[1:-1].decode().replace(",", " ")


def _written(samples: Samples) -> str:
    """Real numbers with the fewest digits that give the same float32 again."""
    return " ".join(np.format_float_positional(value, trim="-") if np.isfinite(value) else "E" for value in samples)


def _plain(value: Decimal) -> Decimal:
    """The number without exponent, as JSON needs it."""
    return Decimal(format(value.normalize(), "f"))


@lru_cache(maxsize=256)
def _lead_code(lead: str) -> JSON:
    known = mdc(lead)
    return ({"coding": [{"system": MDC, "code": str(known[0]), "display": known[1]}]} if known else {}) | {"text": f"Lead {lead}"}


def _quantity(value: Decimal, unit: str) -> JSON:
    return {"value": _plain(value), "unit": SHOWN.get(unit, unit), "system": UCUM, "code": unit}


@lru_cache(maxsize=512)
def _code(name: str) -> JSON:
    """LOINC, MDC and our own code of a measurement: the same object each time, which is handed to another process once a report."""
    measure: Measure | None = BY_NAME.get(name.lower()) or BY_NAME.get({"rr_mean": "rr"}.get(name.lower(), ""))
    codings = []
    if measure is not None and measure.loinc:
        codings.append({"system": LOINC, "code": measure.loinc})
    if measure is not None and measure.mdc:
        codings.append({"system": MDC, "code": str(measure.mdc[0]), "display": measure.mdc[1]})
    return {"coding": [*codings, {"system": LOCAL, "code": name}], "text": measure.title if measure else name.replace("_", " ")}


def _device_numbers(recording: Recording, source: Source, subject: JSON | None, recorder: JSON | None, main: JSON) -> list[JSON]:
    return [
        _observation(
            recording, resource_id("Observation", "ecg", source.digest, "recorder", one.name, one.lead), _code(one.name), subject, recorder,
            derivedFrom=[_to("Observation", main["id"])], valueQuantity=_quantity(one.value, one.unit),
            method={"text": "measured by the recorder"},
        )
        for one in recording.measurements
    ]  # fmt: skip


def _own_numbers(
    recording: Recording, source: Source, subject: JSON | None, algorithm: JSON, main: JSON, measured: Sequence[Mapping[str, Any]]
) -> list[JSON]:  # fmt: skip
    """An Observation for each measurement of the whole recording, and one a lead with that lead's as components."""
    out: list[JSON] = []
    leads: dict[str, list[JSON]] = {}
    version, derived = algorithm["id"], [_to("Observation", main["id"])]
    for one in measured:
        if one.get("lead"):
            leads.setdefault(str(one["lead"]), []).append(_part(one))
            continue
        out.append(
            _observation(
                recording, resource_id("Observation", "ecg", source.digest, version, str(one["name"])), _code(str(one["name"])), subject,
                algorithm, derivedFrom=derived, valueQuantity=_number(one), method={"text": str(one["method"])},
                component=[_sure(one)],
            )
        )  # fmt: skip
    for lead, parts in leads.items():
        out.append(
            _observation(
                recording, resource_id("Observation", "ecg", source.digest, version, "lead", lead), {"text": f"Measurements of lead {lead}"},
                subject, algorithm, derivedFrom=derived, bodySite=_lead_code(lead), component=parts,
            )
        )  # fmt: skip
    return out


def _number(one: Mapping[str, Any]) -> JSON:
    return _quantity(Decimal(str(one["value"])), str(one["unit"]))


def _part(one: Mapping[str, Any]) -> JSON:
    return {"code": _code(str(one["name"])), "valueQuantity": _number(one)}


def _sure(one: Mapping[str, Any]) -> JSON:
    return {
        "code": {"coding": [{"system": LOCAL, "code": "sure"}], "text": "How sure the measurement is, 0 to 1"},
        "valueQuantity": _quantity(Decimal(str(one.get("sure", 0))), "1"),
    }


def _recorder(recording: Recording) -> JSON | None:
    device = recording.device
    if not (device.manufacturer or device.model or device.serial):
        return None
    body: JSON = {
        "resourceType": "Device",
        "id": resource_id("Device", "ecg-recorder", device.manufacturer, device.model, device.serial),
    }
    for name, value in (("manufacturer", device.manufacturer), ("modelNumber", device.model), ("serialNumber", device.serial)):
        body |= {name: value} if value else {}
    body |= {"deviceName": [{"name": device.model, "type": "model-name"}]} if device.model else {}
    return body | ({"version": [{"value": device.software}]} if device.software else {})


def _algorithm(context: Context) -> JSON:
    body: JSON = {
        "resourceType": "Device", "id": resource_id("Device", "ecg-algorithm", context.algorithm, context.version),
        "deviceName": [{"name": context.algorithm, "type": "user-friendly-name"}],
    }  # fmt: skip
    return body | ({"version": [{"value": context.version}]} if context.version else {})


def _binary(source: Source) -> JSON:
    return {
        "resourceType": "Binary", "id": resource_id("Binary", "ecg", source.digest), "contentType": source.content_type,
        "data": base64.b64encode(source.body).decode(),
    }  # fmt: skip


def _report(recording: Recording, source: Source, context: Context, results: list[JSON], drawings: Mapping[str, bytes]) -> JSON:
    who = context.subject or _subject(recording)
    body: JSON = {
        "resourceType": "DiagnosticReport", "id": resource_id("DiagnosticReport", "ecg", source.digest), "status": "preliminary",
        "category": REPORT_CATEGORY, "code": STUDY,
    }  # fmt: skip
    if recording.order:
        body["identifier"] = [{"type": PLACER, "value": recording.order}]
    body |= {"subject": who} if who else {}
    body |= {"effectiveDateTime": when(recording.start)} if recording.start else {}
    body["result"] = [_to("Observation", one["id"]) for one in results]
    said = [one.text + (f" ({one.reason})" if one.reason else "") for one in recording.statements]
    body |= {"conclusion": "\n".join(said)} if said else {}
    forms = [
        {"contentType": kind, "data": base64.b64encode(data).decode(), "title": "12-lead page"} for kind, data in drawings.items() if data
    ]  # fmt: skip
    return body | ({"presentedForm": forms} if forms else {})


def _provenance(source: Source, context: Context, targets: list[JSON], algorithm: JSON | None) -> JSON:
    body: JSON = {
        "resourceType": "Provenance", "id": resource_id("Provenance", "ecg", source.digest, algorithm["id"] if algorithm else ""),
        "target": [_to(one["resourceType"], one["id"]) for one in targets],
        "recorded": context.received.isoformat(timespec="milliseconds"),
        "agent": [
            {
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "assembler"}]},
                "who": _to("Device", algorithm["id"]) if algorithm else {"display": "Isthmus"},
            }
        ],
    }  # fmt: skip
    if source.body:
        body["entity"] = [{"role": "source", "what": _to("Binary", resource_id("Binary", "ecg", source.digest))}]
    return body
