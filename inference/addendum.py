"""A classification as FHIR R4 that follows the report of its ECG: same ECG and same model, same resources.

The first report never waits for it. Ids follow from the recording's digest and the model's, so a late, repeated or replayed
answer changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir.ids import resource_id

JSON = dict[str, Any]
LOINC, UCUM, STATEMENT = "http://loinc.org", "http://unitsofmeasure.org", "urn:isthmus:ecg-statement"
CATEGORY = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "EC"}]}]
OBSERVED = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "procedure"}]}]


def device(said: Mapping[str, Any]) -> JSON:
    """The model as a Device: its version names the weights' hash."""
    model = said["model"]
    return {
        "resourceType": "Device",
        "id": resource_id("Device", "isthmus", model["name"], model["sha256"]),
        "deviceName": [{"name": f"Isthmus {model['name']}", "type": "model-name"}],
        "version": [{"value": f"{model['version']} sha256:{model['sha256']}"}],
        "note": [{"text": said["notice"]}],
    }


def probabilities(said: Mapping[str, Any], base: JSON, id: str, machine: str) -> JSON:
    """All probabilities as one Observation, a component each; an abstaining model's has a reason instead."""
    body: JSON = {
        "resourceType": "Observation",
        "id": id,
        **base,
        "category": OBSERVED,
        "code": {"coding": [{"system": STATEMENT, "code": "probabilities"}], "text": "ECG statement probabilities"},
        "device": {"reference": f"Device/{machine}"},
        "note": [{"text": said["notice"]}],
    }
    rows = said["probabilities"]
    if not rows:
        code = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
        body["dataAbsentReason"] = {"coding": [{"system": code, "code": "error"}], "text": said["abstained"] or "no answer"}
        return body
    body["component"] = [
        {
            "code": {"coding": [{"system": STATEMENT, "code": label}], "text": label},
            "valueQuantity": {"value": value, "unit": "probability", "system": UCUM, "code": "1"},
        }
        for label, value in rows.items()
    ]
    return body


def resources(said: Mapping[str, Any], digest: str, base: JSON, issued: str, report: str = "") -> list[JSON]:
    """What `analysis.classify` said of the recording with this SHA-256, as Device, Observation, DiagnosticReport and Provenance.

    `base` holds the subject and effective time of the ECG's own resources; `report` is the id of its first report.
    """
    machine, key = device(said), (digest, said["model"]["sha256"])
    start = {"status": "preliminary", **base}
    numbers = probabilities(said, start, resource_id("Observation", "ecg-classification", *key), machine["id"])
    found = said["interpretation"]
    text = " ".join([found["conclusion"], *(f"Contradiction: {one}." for one in found["contradictions"]), found["notice"]])
    addendum: JSON = {
        "resourceType": "DiagnosticReport",
        "id": resource_id("DiagnosticReport", "ecg-classification", *key),
        **start,
        "category": CATEGORY,
        "code": {"coding": [{"system": LOINC, "code": "11524-6"}], "text": "EKG study, automatic classification"},
        "issued": issued,
        "result": [{"reference": f"Observation/{numbers['id']}"}],
        "conclusion": text,
    }
    grave = [one for one in found["findings"] if one["severity"] != "normal"]
    codes = [_concept(one) for one in grave or found["findings"]]
    if codes:
        addendum["conclusionCode"] = codes
    made = [numbers, addendum]
    provenance: JSON = {
        "resourceType": "Provenance",
        "id": resource_id("Provenance", "ecg-classification", *key),
        "target": [{"reference": f"{one['resourceType']}/{one['id']}"} for one in made],
        "recorded": issued,
        "agent": [{"who": {"reference": f"Device/{machine['id']}"}}],
    }
    if report:
        provenance["entity"] = [{"role": "source", "what": {"reference": f"DiagnosticReport/{report}"}}]
    return [machine, *made, provenance]


def _concept(finding: Mapping[str, Any]) -> JSON:
    concept: JSON = {"text": finding["name"]}
    if finding["codes"]:
        concept["coding"] = list(finding["codes"])
    return concept
