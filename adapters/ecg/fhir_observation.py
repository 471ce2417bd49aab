"""FHIR R4 Observations with SampledData (alone, or in a Bundle, JSON or XML): bytes to a Recording.

Sample = origin + number × factor, in the origin's unit; the rate is 1000 / period (ms). `E` is a gap, as are `U` and `L`, which
only say that a value lay beyond the recorder's limits. Source: https://hl7.org/fhir/R4/datatypes.html#SampledData.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from lxml.etree import _Element
from numpy.typing import NDArray

from adapters.ecg import leads, times
from adapters.ecg.recording import MAX_LEADS, Device, Patient, Recording, Samples, bad, checked, physical, stacked
from adapters.ecg.xml_tools import TO_UV, number, numbers
from engine.fault import Fault, Kind
from fhir import xml_read
from fhir.encode import loads

JSON = dict[str, Any]
MOST_ELEMENTS = 10_000
TIMES = {"us": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1000)}  # UCUM, in ms
SEX = {one: one for one in ("male", "female", "other", "unknown")}
MDC = "urn:iso:std:iso:11073:10101"
Row = tuple[str, Samples, float, Decimal, Decimal]


def looks(body: bytes) -> bool:
    """Whether the bytes are JSON with a resource type."""
    return body[:64].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{") and b'"resourceType"' in body


def read(body: bytes) -> Recording | Fault:
    """Reads an Observation, or those with SampledData in a Bundle that are of the time of the first."""
    found = loads(body)
    if isinstance(found, Fault):
        return found
    return from_resource(found)


def from_xml(root: _Element, body: bytes) -> Recording | Fault:
    """Reads the same as XML, which was parsed already."""
    if any(number >= MOST_ELEMENTS for number, _ in enumerate(root.iter())):
        return bad("E153", "there are more elements than an ECG has", "", "send the tracing alone")
    found = xml_read.read(body)
    return found if isinstance(found, Fault) else from_resource(found)


def from_resource(resource: JSON) -> Recording | Fault:
    """Reads a parsed resource."""
    held = [one for one in _observations(resource) if _has_data(one)]
    one = held[0] if held else None
    if one is None:
        return Fault(
            Kind.UNSUPPORTED, "E150", "there is no Observation with SampledData", "", "send Observation.valueSampledData"
        )
    together = [other for other in held if _alone(other) and _start(other) == _start(one)] if _alone(one) else [one]
    warnings = ["the bundle holds several recordings; the first one is read"] if len(together) < len(held) else []
    rows: list[Row] = []
    for part in [*together, *_dicts(one.get("component"))]:
        if len(rows) > MAX_LEADS:
            break
        if "valueSampledData" in part:
            read_part = _rows(part, len(rows), warnings)
            if isinstance(read_part, Fault):
                return read_part
            rows += read_part
    if len({row[2] for row in rows}) != 1 or len(rows) > MAX_LEADS:
        return bad("E154", "the leads differ in rate, or there are too many", "Observation.component")
    return checked(
        Recording(
            format="fhir", leads=tuple(row[0] for row in rows), samples=stacked([row[1] for row in rows], warnings), rate=rows[0][2],
            scale=tuple(row[3] for row in rows), origin=tuple(row[4] for row in rows), start=times.iso(_start(one)),
            patient=_patient(one, resource), device=Device(model=str(_dict(one.get("device")).get("display", ""))), warnings=tuple(warnings),
        )
    )  # fmt: skip


def _dict(value: Any) -> JSON:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[JSON]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _observations(resource: JSON) -> list[JSON]:
    if resource.get("resourceType") == "Bundle":
        return [
            inner
            for one in _dicts(resource.get("entry"))
            if (inner := _dict(one.get("resource"))).get("resourceType") == "Observation"
        ]
    return [resource] if resource.get("resourceType") == "Observation" else []


def _has_data(one: JSON) -> bool:
    return "valueSampledData" in one or any("valueSampledData" in part for part in _dicts(one.get("component")))


def _alone(one: JSON) -> bool:
    """Whether an Observation is of one lead: others of the same time are of the others."""
    return "valueSampledData" in one and not any("valueSampledData" in part for part in _dicts(one.get("component")))


def _start(one: JSON) -> str:
    period = _dict(one.get("effectivePeriod"))
    return str(one.get("effectiveDateTime") or period.get("start") or one.get("effectiveInstant") or "")


def _patient(one: JSON, whole: JSON) -> Patient:
    """Who the subject is: what the reference itself tells, and the Patient it leads to within the file."""
    subject = _dict(one.get("subject"))
    identifier = _dict(subject.get("identifier"))
    held = _referred(str(subject.get("reference") or ""), one, whole)
    name, own = _dict(next(iter(_dicts(held.get("name"))), {})), next(iter(_dicts(held.get("identifier"))), {})
    known, given = identifier or own, name.get("given")
    return Patient(
        id=str(known.get("value") or ""), authority=str(known.get("system") or ""),
        name=str(subject.get("display") or name.get("text") or ""), family=str(name.get("family") or ""),
        given=" ".join(map(str, given)) if isinstance(given, list) else "", birth_date=str(held.get("birthDate") or "")[:10],
        sex=SEX.get(str(held.get("gender")), ""),
    )  # fmt: skip


def _referred(reference: str, one: JSON, whole: JSON) -> JSON:
    """The Patient a reference leads to: contained, or an entry of the bundle by its full URL or its id."""
    if reference.startswith("#"):
        found = (inner for inner in _dicts(one.get("contained")) if inner.get("id") == reference[1:])
    else:
        found = (
            inner
            for entry in _dicts(whole.get("entry"))
            if (inner := _dict(entry.get("resource"))).get("resourceType") == "Patient"
            and reference
            and reference in (entry.get("fullUrl"), f"Patient/{inner.get('id')}")
        )
    return next((inner for inner in found if inner.get("resourceType") == "Patient"), {})


def _rows(part: JSON, count: int, warnings: list[str]) -> list[Row] | Fault:
    """The leads of one SampledData; several dimensions are several leads."""
    place = f"component[{count}].valueSampledData"
    data, origin = _dict(part.get("valueSampledData")), _dict(_dict(part.get("valueSampledData")).get("origin"))
    unit = TO_UV.get(str(origin.get("code") or origin.get("unit") or ""))
    base, period = _decimal(origin.get("value")), _period(data)
    factor, dimensions = _decimal(data.get("factor", 1)), data.get("dimensions")
    if unit is None or base is None or factor is None or not factor:
        return bad("E155", "the origin is not in volts, or the factor is none", place)
    if period is None or period <= 0:
        return bad("E154", "the period is none", place)
    values = _values(str(data.get("data", "")), warnings)
    if values is None:
        return bad("E156", "the data are not numbers", place)
    if type(dimensions) is not int or not 0 < dimensions <= MAX_LEADS or not len(values) or len(values) % dimensions:
        return bad("E152", "there are not as many numbers as the dimensions say", place)
    names = _names(part, dimensions, count)
    table = values.reshape(-1, dimensions)
    return [
        (name, physical(table[:, n], factor * unit, base * unit), float(1000 / period), factor * unit, base * unit)
        for n, name in enumerate(names)
    ]


def _period(data: JSON) -> Decimal | None:
    """Milliseconds between samples: R4's `period`, or R5's `interval` in its unit of time."""
    if "interval" not in data:
        return _decimal(data.get("period"))
    interval, unit = _decimal(data["interval"]), TIMES.get(str(data.get("intervalUnit")))
    return interval * unit if interval is not None and unit is not None else None


def _decimal(value: Any) -> Decimal | None:
    return number(str(value)) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def _values(text: str, warnings: list[str]) -> NDArray[Any] | None:
    if any(mark in text for mark in ("E", "U", "L")):
        text = " ".join("nan" if word in ("E", "U", "L") else word for word in text.split())
        warnings.append("some samples are missing or beyond the limits")
    return numbers(text) if "," not in text else None


def _names(part: JSON, dimensions: int, count: int) -> list[str]:
    code = _dict(part.get("code"))
    named = ""
    for coding in _dicts(code.get("coding")):
        text = str(coding.get("code", ""))
        if coding.get("system") == MDC and text.isdigit() and len(text) < 10:
            named = leads.by_mdc(int(text)) or named
        elif leads.canonical(text) in leads.SCP:
            named = named or leads.canonical(text)
        named = named or (leads.canonical(str(coding.get("display", ""))) if coding.get("display") else "")
    named = named or leads.canonical(str(code.get("text", ""))) or f"lead {count + 1}"
    return [named] if dimensions == 1 else [f"{named} {n + 1}" for n in range(dimensions)]
