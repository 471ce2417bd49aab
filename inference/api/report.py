"""A classification as a FHIR R4 DiagnosticReport: category EC, a probability for every class, and what it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from inference.classify import NOTICE, Classification

CLASSES = {
    "NORM": "normal ECG",
    "CD": "conduction disturbance",
    "STTC": "ST-T changes",
    "MI": "myocardial infarction",
    "HYP": "hypertrophy",
}
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CATEGORY = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "EC"}
ALGORITHM = "urn:isthmus:ecg-class"


def observation(number: int, name: str, probability: float, effective: Mapping[str, str]) -> dict[str, Any]:
    """One class's probability as a contained Observation, in the unit one."""
    return {
        "resourceType": "Observation",
        "id": f"p{number}",
        "status": "preliminary",
        "code": {"coding": [{"system": ALGORITHM, "code": name}], "text": f"probability of {CLASSES.get(name, name)} ({name})"},
        **effective,
        "valueQuantity": {"value": round(probability, 4), "unit": "probability", "system": UCUM, "code": "1"},
    }


def diagnostic_report(
    id: str, said: Classification, shares: Mapping[str, float], now: datetime, notes: Sequence[str], taken: str = ""
) -> dict[str, Any]:
    """The report of seed 003's task; where the model abstains there is no class, and the conclusion says why.

    `taken` is the FHIR dateTime of the recording, where it is known.
    """
    effective = {"effectiveDateTime": taken} if taken else {}
    contained = [observation(number, name, value, effective) for number, (name, value) in enumerate(shares.items(), 1)]
    best = max(shares, key=lambda name: shares[name]) if shares else ""
    text = f"{CLASSES[best]} ({best}), probability {shares[best]:.2f}. " if best else f"No classification: {said.abstained}. "
    device = {
        "resourceType": "Device",
        "id": "model",
        "deviceName": [{"name": f"Isthmus {said.model}", "type": "model-name"}],
        "version": [{"value": f"{said.version} sha256:{said.digest}"}],
        "note": [{"text": note} for note in (NOTICE, *notes)],
    }
    report: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": id,
        "contained": [device, *(row | {"device": {"reference": "#model"}} for row in contained)],
        "status": "preliminary",
        "category": [{"coding": [CATEGORY]}],
        "code": {"coding": [{"system": LOINC, "code": "11524-6"}], "text": "EKG study"},
        **effective,
        "issued": now.isoformat(),
        "conclusion": text + NOTICE,
    }
    if contained:
        report["result"] = [{"reference": f"#{row['id']}"} for row in contained]
    if best:
        report["conclusionCode"] = [{"coding": [{"system": ALGORITHM, "code": best}], "text": CLASSES[best]}]
    return report
