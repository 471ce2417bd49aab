"""GE CardioSoft/CASE XML (`CardiologyXML`): bytes to a Recording. `StripData` holds comma-separated whole steps a lead."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from lxml.etree import _Element

from adapters.ecg import leads, times
from adapters.ecg.measures import measurement
from adapters.ecg.recording import (
    Device,
    Filters,
    Measurement,
    Median,
    Patient,
    Recording,
    Samples,
    Statement,
    bad,
    checked,
    physical,
    stacked,
)  # fmt: skip
from adapters.ecg.xml_tools import attribute, each, number, numbers, plain, rate, text
from engine import safe_xml
from engine.fault import Fault

SEX = {"MALE": "male", "FEMALE": "female", "UNKNOWN": "unknown"}
UNITS = {"uv": Decimal(1), "µv": Decimal(1), "nv": Decimal("0.001"), "mv": Decimal(1000)}  # before `perLsb`
MEASURES = {
    "heart_rate": ("VentricularRate", "HeartRate"), "rr": ("RRInterval",), "p_duration": ("PDuration",),
    "pr": ("PRInterval", "PQInterval"), "qrs": ("QRSDuration",), "qt": ("QTInterval",), "qtc": ("QTCInterval",),
    "p_axis": ("PAxis",), "qrs_axis": ("RAxis", "QRSAxis"), "t_axis": ("TAxis",),
}  # fmt: skip


def read(body: bytes) -> Recording | Fault:
    """Reads a `CardiologyXML` document."""
    root = safe_xml.parse(body)
    return root if isinstance(root, Fault) else from_tree(plain(root))


def from_tree(root: _Element) -> Recording | Fault:
    """Reads the parsed document."""
    strip = root.find(".//StripData")
    if strip is None:
        return bad("E152", "there is no strip data", "CardiologyXML")
    warnings: list[str] = []
    found = _rows(strip, warnings)
    if isinstance(found, Fault):
        return found
    names, samples, scale = found
    info = root.find(".//DeviceInfo")
    return checked(
        Recording(
            format="cardiosoft", leads=names, samples=samples, rate=rate(text(strip, "SampleRate")), start=_start(root),
            scale=(scale,) * len(names), origin=(Decimal(0),) * len(names), patient=_patient(root), filters=_filters(root),
            device=Device("GE Healthcare", text(info, "Desc"), "", text(info, "SoftwareVer")),
            measurements=_measurements(root.find(".//RestingECGMeasurements")), statements=_statements(root),
            median=_median(root.find(".//MedianSamples")), warnings=tuple(warnings),
        )
    )  # fmt: skip


def _rows(strip: _Element, warnings: list[str]) -> tuple[tuple[str, ...], Samples, Decimal] | Fault:
    """Names, samples [leads, n] in µV, and µV a step."""
    step = number(text(strip, "Resolution"))
    unit = UNITS.get(re.split("per|/", attribute(strip, "Resolution", "units").lower() or "uv")[0].strip())
    if step is None or unit is None or not step:
        return bad("E155", "there is no resolution in volts", "StripData/Resolution")
    names, rows = [], []
    for wave in each(strip, "WaveformData"):
        steps = numbers(text(wave))
        if steps is None:
            return bad("E156", "a lead's samples are not numbers", f"lead {wave.get('lead', '')[:20]}")
        names.append(leads.canonical(wave.get("lead", "")))
        rows.append(physical(steps, step * unit))
    declared = number(text(strip, "NumberOfLeads") or str(len(rows)))
    if not rows or declared != len(rows):
        return bad("E152", "there are not as many leads as declared", "StripData/NumberOfLeads")
    return tuple(names), stacked(rows, warnings), step * unit


def _median(samples: _Element | None) -> Median | None:
    found = _rows(samples, []) if samples is not None else None
    hertz = rate(text(samples, "SampleRate"))
    if found is None or isinstance(found, Fault) or hertz <= 0 or not found[1].size:
        return None
    return Median(found[0], found[1], hertz)


def _start(root: _Element) -> datetime | None:
    at = root.find("ObservationDateTime")
    year, month, day, hour, minute, second = (
        text(at, part).zfill(2) for part in ("Year", "Month", "Day", "Hour", "Minute", "Second")
    )  # fmt: skip
    return times.iso(f"{year}-{month}-{day}T{hour}:{minute}:{second}")


def _patient(root: _Element) -> Patient:
    who = root.find(".//PatientInfo")
    birth = "-".join(text(who, f"BirthDateTime/{part}").zfill(2) for part in ("Year", "Month", "Day"))
    age = text(who, "Age")
    return Patient(
        id=text(who, "PID"), family=text(who, "Name/FamilyName"), given=text(who, "Name/GivenName"),
        birth_date=times.iso_day(birth), sex=SEX.get(text(who, "Gender").upper(), ""), age=f"{age} a" if age.isdigit() else "",
    )  # fmt: skip


def _filters(root: _Element) -> Filters:
    setting = root.find(".//FilterSetting")
    notch = next(
        (hertz for hertz in (50.0, 60.0) if text(setting, f"Filter{hertz:.0f}Hz").lower() in ("yes", "on", "true")), None
    )
    return Filters(rate(text(setting, "HighPass")) or None, rate(text(setting, "LowPass")) or None, notch)


def _measurements(found: _Element | None) -> tuple[Measurement, ...]:
    out: tuple[Measurement, ...] = ()
    for name, tags in MEASURES.items():
        values = (number(text(found, tag)) for tag in tags)
        out += measurement(name, next((value for value in values if value is not None), None))
    return out


def _statements(root: _Element) -> tuple[Statement, ...]:
    said = (text(one) for one in each(root, ".//Interpretation/Diagnosis/DiagnosisText"))
    return tuple(Statement(words) for words in said if words)
