"""What goes with the Observations of an ECG: devices, the file itself, the report and the provenance.

Source: R4 Device, Binary, DiagnosticReport, Provenance.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from adapters.ecg.fhir_parts import JSON, LOINC, Context, Source, subject_of, to, when
from adapters.ecg.recording import Recording
from fhir.ids import resource_id

STUDY = {"coding": [{"system": LOINC, "code": "11524-6", "display": "EKG study"}], "text": "Electrocardiogram"}
REPORT_CATEGORY = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "EC"}]}]
PLACER = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]}


def recorder_of(recording: Recording) -> JSON | None:
    """The Device that recorded; None where the file says nothing of it."""
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


def algorithm_of(context: Context) -> JSON:
    """The Device that measured."""
    body: JSON = {
        "resourceType": "Device", "id": resource_id("Device", "ecg-algorithm", context.algorithm, context.version),
        "deviceName": [{"name": context.algorithm, "type": "user-friendly-name"}],
    }  # fmt: skip
    return body | ({"version": [{"value": context.version}]} if context.version else {})


def binary(source: Source) -> JSON:
    """The file as it came."""
    return {
        "resourceType": "Binary", "id": resource_id("Binary", "ecg", source.digest), "contentType": source.content_type,
        "data": base64.b64encode(source.body).decode(),
    }  # fmt: skip


def report_of(recording: Recording, source: Source, context: Context, results: list[JSON], drawings: Mapping[str, bytes]) -> JSON:
    """The DiagnosticReport: its results, what the recorder concluded, and the pages drawn."""
    who = context.subject or subject_of(recording)
    body: JSON = {
        "resourceType": "DiagnosticReport", "id": resource_id("DiagnosticReport", "ecg", source.digest), "status": "preliminary",
        "category": REPORT_CATEGORY, "code": STUDY,
    }  # fmt: skip
    if recording.order:
        body["identifier"] = [{"type": PLACER, "value": recording.order}]
    body |= {"subject": who} if who else {}
    body |= {"effectiveDateTime": when(recording.start)} if recording.start else {}
    body["result"] = [to("Observation", one["id"]) for one in results]
    said = [one.text + (f" ({one.reason})" if one.reason else "") for one in recording.statements]
    body |= {"conclusion": "\n".join(said)} if said else {}
    forms = [
        {"contentType": kind, "data": base64.b64encode(data).decode(), "title": "12-lead page"} for kind, data in drawings.items() if data
    ]  # fmt: skip
    return body | ({"presentedForm": forms} if forms else {})


def provenance(source: Source, context: Context, targets: list[JSON], algorithm: JSON | None) -> JSON:
    """Who made these resources of which file, and when it came."""
    body: JSON = {
        "resourceType": "Provenance", "id": resource_id("Provenance", "ecg", source.digest, algorithm["id"] if algorithm else ""),
        "target": [to(one["resourceType"], one["id"]) for one in targets],
        "recorded": context.received.isoformat(timespec="milliseconds"),
        "agent": [
            {
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "assembler"}]},
                "who": to("Device", algorithm["id"]) if algorithm else {"display": "Isthmus"},
            }
        ],
    }  # fmt: skip
    if source.body:
        body["entity"] = [{"role": "source", "what": to("Binary", resource_id("Binary", "ecg", source.digest))}]
    return body
