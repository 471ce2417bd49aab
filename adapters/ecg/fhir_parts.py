"""What the FHIR resources of an ECG are made of: an Observation, a reference, a quantity, the code of a lead, a time.

A dateTime with a time of day needs a zone: where neither the file nor the caller knows it, the day alone is stated.
Sources: R4 Observation, Quantity; IEEE 11073-10101 (MDC), UCUM.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

from adapters.ecg.leads import mdc
from adapters.ecg.recording import Recording

JSON = dict[str, Any]
LOINC = "http://loinc.org"
MDC = "urn:iso:std:iso:11073:10101"
UCUM = "http://unitsofmeasure.org"
SHOWN = {"uV": "µV", "deg": "°"}  # units as people write them
CATEGORY = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "procedure"}]}]


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


def observation(recording: Recording, id: str, code: JSON, subject: JSON | None, device: JSON | None, **rest: Any) -> JSON:
    """An Observation of this id, of whom the caller or the file says, when the recording began; `rest` are its other elements."""
    body: JSON = {"resourceType": "Observation", "id": id, "status": "preliminary", "category": CATEGORY, "code": code}
    who = subject or subject_of(recording)
    body |= {"subject": who} if who else {}
    body |= {"effectiveDateTime": when(recording.start)} if recording.start else {}
    body |= {"device": to("Device", device["id"])} if device else {}
    return body | rest


def to(type: str, id: str) -> JSON:
    """A Reference to a resource."""
    return {"reference": f"{type}/{id}"}


def subject_of(recording: Recording) -> JSON | None:
    """A logical reference: the identifier the file states, with its authority only if it has one."""
    who = recording.patient
    if not who.id:
        return None
    system = {"system": f"urn:oid:{who.authority}"} if who.authority.replace(".", "").isdigit() else {}
    return {"type": "Patient", "identifier": system | {"value": who.id}}


def when(start: datetime) -> str:
    """A FHIR dateTime: to the millisecond with its zone, the day alone without one."""
    if start.tzinfo is None:
        return start.date().isoformat()
    return start.isoformat(timespec="milliseconds" if start.microsecond else "seconds")


def plain(value: Decimal) -> Decimal:
    """The number without exponent, as JSON needs it."""
    return Decimal(format(value.normalize(), "f"))


@lru_cache(maxsize=256)
def lead_code(lead: str) -> JSON:
    """The CodeableConcept of a lead: MDC's code where it has one."""
    known = mdc(lead)
    return ({"coding": [{"system": MDC, "code": str(known[0]), "display": known[1]}]} if known else {}) | {"text": f"Lead {lead}"}


def quantity(value: Decimal, unit: str) -> JSON:
    """A Quantity with a UCUM unit, and that unit as people write it."""
    return {"value": plain(value), "unit": SHOWN.get(unit, unit), "system": UCUM, "code": unit}
