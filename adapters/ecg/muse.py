"""GE MUSE XML (`RestingECG`): bytes to a Recording.

Eight leads are stored, whole steps of 4.88 µV as Base64 int16; III and the augmented leads follow by Einthoven and Goldberger.
The DOCTYPE `restecg.dtd` is normal and never fetched. `LeadDataCRC32` is the CRC-32 of zlib over the decoded bytes of a lead, which a MUSE
9.0.7 export bears out; some converters write 0 for none.
"""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

import numpy as np
from lxml.etree import _Element
from numpy.typing import NDArray

from adapters.ecg import leads as names
from adapters.ecg import times
from adapters.ecg.measures import measurement
from adapters.ecg.recording import (
    Device,
    Filters,
    Measurement,
    Median,
    Patient,
    Recording,
    Statement,
    bad,
    checked,
    physical,
    stacked,
)  # fmt: skip
from adapters.ecg.xml_tools import TO_UV, decoded, each, number, plain, rate, text
from engine import safe_xml
from engine.fault import Fault

MEASURES = {
    "heart_rate": "VentricularRate", "atrial_rate": "AtrialRate", "pr": "PRInterval", "qrs": "QRSDuration", "qt": "QTInterval",
    "qtc": "QTCorrected", "p_axis": "PAxis", "qrs_axis": "RAxis", "t_axis": "TAxis", "qtc_fridericia": "QTcFrederica",
}  # fmt: skip
MEASURED = ("RestingECGMeasurements", "OriginalRestingECGMeasurements")
AGES = {"YEARS": "a", "MONTHS": "mo", "WEEKS": "wk", "DAYS": "d", "HOURS": "h"}
SEX = {"MALE": "male", "FEMALE": "female", "UNKNOWN": "unknown"}
LIMBS = ("III", "aVR", "aVL", "aVF")
Row = tuple[str, NDArray[Any], Decimal]


def read(body: bytes) -> Recording | Fault:
    """Reads a `RestingECG` document."""
    root = safe_xml.parse(body, harmless=("restecg.dtd",))
    return root if isinstance(root, Fault) else from_tree(plain(root))


def from_tree(root: _Element) -> Recording | Fault:
    """Reads the parsed document."""
    warnings: list[str] = []
    waves: dict[str, _Element] = {}
    for wave in each(root, "Waveform"):
        if waves.setdefault(text(wave, "WaveformType").lower(), wave) is not wave:
            warnings.append("the file holds several waveforms of a kind; the first one is read")
    rhythm = waves.get("rhythm")
    if rhythm is None:
        return bad("E152", "there is no rhythm waveform", "RestingECG/Waveform")
    rows = _rows(rhythm, "a lead", warnings)
    if isinstance(rows, Fault):
        return rows
    off = [names.canonical(text(lead, "LeadID")) for lead in each(rhythm, "LeadData") if text(lead, "LeadOff").upper() == "TRUE"]
    if off:
        warnings.append(f"the recorder says that a lead was off: {', '.join(name for name in off if name in names.SCP)}")
    test = root.find("TestDemographics")
    return checked(
        Recording(
            format="muse", leads=tuple(row[0] for row in rows), rate=_rate(rhythm),
            samples=stacked([physical(row[1], row[2]) for row in rows], warnings),
            scale=tuple(row[2] for row in rows), origin=(Decimal(0),) * len(rows),
            start=times.parts(text(test, "AcquisitionDate"), text(test, "AcquisitionTime")), patient=_patient(root),
            device=Device("GE Healthcare", text(test, "AcquisitionDevice"), "", text(test, "AcquisitionSoftwareVersion")),
            filters=_filters(rhythm), measurements=_measurements(root), statements=_statements(root),
            median=_median(waves.get("median"), warnings), order=text(root, "Order/OrderNumber"), warnings=tuple(warnings),
        )
    )  # fmt: skip


def _rate(wave: _Element) -> float:
    """SampleBase × 10 to the power of SampleExponent."""
    exponent = number(text(wave, "SampleExponent") or "0")
    return rate(text(wave, "SampleBase")) * 10.0 ** int(exponent) if exponent is not None and abs(exponent) <= 9 else 0.0


def _rows(wave: _Element, whose: str, warnings: list[str]) -> list[Row] | Fault:
    """(name, whole steps, µV a step) of the stored leads and those that follow from them."""
    out: list[Row] = []
    wrong: list[str] = []
    for lead in each(wave, "LeadData"):
        name = names.canonical(text(lead, "LeadID"))
        scale, unit = number(text(lead, "LeadAmplitudeUnitsPerBit")), TO_UV.get(text(lead, "LeadAmplitudeUnits") or "MICROVOLTS")
        raw = decoded(text(lead, "WaveFormData"))
        count = number(text(lead, "LeadSampleCountTotal") or "-1")
        if scale is None or unit is None or not scale:
            return bad("E155", "a lead has no amplitude in volts", f"lead {name[:20]}")
        if raw is None:
            return bad("E156", "a lead's samples are not Base64", f"lead {name[:20]}")
        steps = np.frombuffer(raw[: len(raw) & ~1], "<i2")
        if (stated := number(text(lead, "LeadDataCRC32"))) and int(stated) % (1 << 32) != zlib.crc32(raw):
            wrong.append(name if name in names.SCP else "another")
        if count is None or (count >= 0 and count != len(steps)):
            return bad("E152", "a lead has not as many samples as declared", f"lead {name[:20]}")
        out.append((name, steps.astype("int64"), scale * unit))
    if wrong:
        warnings.append(f"the checksum of {whose}'s samples is wrong: {', '.join(wrong[:12])}")
    return out + _derived({row[0]: row for row in out})


def _derived(known: dict[str, Row]) -> list[Row]:
    if "I" not in known or "II" not in known or known["I"][2] != known["II"][2] or len(known["I"][1]) != len(known["II"][1]):
        return []
    i, ii, scale = known["I"][1], known["II"][1], known["I"][2]
    whole = {
        "III": (ii - i, scale),
        "aVR": (-(i + ii), scale / 2),
        "aVL": (2 * i - ii, scale / 2),
        "aVF": (2 * ii - i, scale / 2),
    }
    return [(name, *whole[name]) for name in LIMBS if name not in known]


def _median(wave: _Element | None, warnings: list[str]) -> Median | None:
    rows = _rows(wave, "the representative beat", warnings) if wave is not None else []
    if isinstance(rows, Fault) or not rows or wave is None or _rate(wave) <= 0:
        return None
    return Median(tuple(row[0] for row in rows), stacked([physical(row[1], row[2]) for row in rows], []), _rate(wave))


def _patient(root: _Element) -> Patient:
    who = root.find("PatientDemographics")
    age, unit = text(who, "PatientAge"), AGES.get(text(who, "AgeUnits").upper())
    return Patient(
        id=text(who, "PatientID"), family=text(who, "PatientLastName"), given=text(who, "PatientFirstName"),
        birth_date=times.iso_day(text(who, "DateofBirth")), sex=SEX.get(text(who, "Gender").upper(), ""),
        age=f"{age} {unit}" if age and unit else "",
    )  # fmt: skip


def _filters(wave: _Element) -> Filters:
    """High-pass is in hundredths of a Hz when it is written as a whole number above 1."""
    high, low, notch = (rate(text(wave, tag)) for tag in ("HighPassFilter", "LowPassFilter", "ACFilter"))
    return Filters((high / 100 if high >= 1 else high) or None, low or None, notch or None)


def _measurements(root: _Element) -> tuple[Measurement, ...]:
    found = next((one for tag in MEASURED if (one := root.find(tag)) is not None and len(one)), None)
    out: tuple[Measurement, ...] = ()
    for name, tag in MEASURES.items():
        out += measurement(name, number(text(found, tag)))
    begin, end = number(text(found, "POnset")), number(text(found, "POffset"))
    hertz = rate(text(found, "ECGSampleBase")) * 10.0 ** min(9, int(rate(text(found, "ECGSampleExponent"))))
    if begin and end and end > begin and hertz > 0:
        out += measurement("p_duration", Decimal(round(float(end - begin) * 1000 / hertz)))
    return out


def _statements(root: _Element) -> tuple[Statement, ...]:
    """Pieces of a statement up to the one flagged ENDSLINE belong together; the confirmed diagnosis goes before the device's own."""
    out: list[Statement] = []
    pieces: list[str] = []
    said = root.findall("Diagnosis/DiagnosisStatement") or root.findall("OriginalDiagnosis/DiagnosisStatement")
    for one in said:
        pieces.append(text(one, "StmtText"))
        if not one.findall("StmtFlag") or any(text(flag) == "ENDSLINE" for flag in each(one, "StmtFlag")):
            out.append(Statement(" ".join(piece for piece in pieces if piece)))
            pieces = []
    out.append(Statement(" ".join(piece for piece in pieces if piece)))
    return tuple(one for one in out if one.text)
