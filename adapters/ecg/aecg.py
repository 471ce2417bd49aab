"""HL7 v3 Annotated ECG (aECG, FDA) in its flavours: bytes to a Recording.

Source: HL7 aECG implementation guide (PORT_MT020001). Namespaces, `xsi:` prefixes, lead order and foreign children vary between
writers and are no obstacle; sample = origin + digit × scale.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from lxml.etree import _Element
from numpy.typing import NDArray

from adapters.ecg import aecg_annotations, leads, times
from adapters.ecg.recording import MAX_LEADS, Device, Filters, Median, Patient, Recording, bad, checked, physical, stacked
from adapters.ecg.xml_tools import TO_UV, attribute, each, number, numbers, plain, rate, text
from engine import safe_xml
from engine.fault import Fault

SECONDS = {
    "s": Decimal(1), "sec": Decimal(1), "ms": Decimal("0.001"), "msec": Decimal("0.001"), "us": Decimal("0.000001"), "µs": Decimal("0.000001"),
}  # fmt: skip
SEX = {"M": "male", "F": "female", "UN": "other", "U": "unknown"}
Lead = tuple[str, NDArray[Any], Decimal, Decimal]


def read(body: bytes) -> Recording | Fault:
    """Reads an `AnnotatedECG` document."""
    root = safe_xml.parse(body)
    return root if isinstance(root, Fault) else from_tree(plain(root))


def from_tree(root: _Element) -> Recording | Fault:
    """Reads the parsed document, its own namespace taken off."""
    warnings: list[str] = []
    rhythm, median = _series(root)
    if rhythm is None and median is not None:
        rhythm, median = median, None
        warnings.append("the file holds a representative beat only, and no rhythm")
    if rhythm is None:
        return bad("E152", "there is no series with leads", "AnnotatedECG/component/series")
    if len(root.findall("component/series")) > 1 + (median in root.findall("component/series")):
        warnings.append("the file holds several recordings; the first one is read")
    read_series = _leads(rhythm, warnings)
    if isinstance(read_series, Fault):
        return read_series
    rows, hertz, start = read_series
    base = Recording(
        format="aecg", leads=tuple(row[0] for row in rows), rate=hertz,
        samples=stacked([physical(row[1], row[2], row[3]) for row in rows], warnings),
        scale=tuple(row[2] for row in rows), origin=tuple(row[3] for row in rows),
        start=start or _started(rhythm) or _started(root),
        patient=_patient(root), device=_device(rhythm), filters=_filters(rhythm),
        comment=text(root, "pertainsTo/subjectFindingComment/text"),
    )  # fmt: skip
    base = replace(base, **aecg_annotations.found(rhythm, median, base.start, hertz), median=_median(median))
    return checked(replace(base, warnings=tuple(warnings)))


def _series(root: _Element) -> tuple[_Element | None, _Element | None]:
    """The rhythm series and the representative beat, told by code, else by their place."""
    found = [one for one in root.findall("component/series") if one.find(".//sequence") is not None]
    beats = [one for one in found if attribute(one, "code", "code") == "REPRESENTATIVE_BEAT"]
    rhythms = [one for one in found if one not in beats]
    rhythm = rhythms[0] if rhythms else None
    derived = rhythm.find("derivation/derivedSeries") if rhythm is not None else None
    return rhythm, derived if derived is not None else (beats[0] if beats else None)


def _leads(series: _Element, warnings: list[str]) -> tuple[list[Lead], float, datetime | None] | Fault:
    """Every lead of a series, its rate and the time of its first sample."""
    rows: list[Lead] = []
    hertz, start, met = 0.0, None, 0
    for group, sequences in enumerate(each(series, "component/sequenceSet")):
        step, head = _clock(sequences)
        if group and step and hertz and abs(step - hertz) > 1e-9:
            warnings.append("a group of leads has another rate and is left out")
            continue
        hertz, start = hertz or step, start or head
        lag = _lag(start, head, hertz)
        for sequence in each(sequences, "component/sequence"):
            met += 1
            lead = _lead(sequence) if met <= 2 * MAX_LEADS else bad("E153", "there are more leads or samples than an ECG has")
            if isinstance(lead, Fault):
                return lead
            if isinstance(lead, str):
                warnings += [] if lead in warnings else [lead]
            elif lead is not None:
                known = next((row for row in rows if row[0] == lead[0]), None)
                if known is not None and np.isfinite(known[1]).sum() >= len(lead[1]):
                    warnings.append("a lead is there twice; the longer or first one is read")
                    continue
                late = _late(lead, lag, warnings)
                rows = [late if row is known else row for row in rows] if known is not None else [*rows, late]
    return (rows, hertz, start) if rows else bad("E152", "there is no lead in the series", "series/component/sequenceSet")


def _lag(start: datetime | None, head: datetime | None, hertz: float) -> int:
    """Samples by which a later group of leads begins after the first."""
    if start is None or head is None or (start.tzinfo is None) != (head.tzinfo is None):
        return 0
    return round((head - start).total_seconds() * hertz)


def _late(lead: Lead, lag: int, warnings: list[str]) -> Lead:
    if 0 < lag <= 4 * len(lead[1]) + 1000:
        warnings.append("leads were not recorded at the same time; gaps stand where one was not")
        return lead[0], np.concatenate([np.full(lag, np.nan), lead[1]]), lead[2], lead[3]
    return lead


def _clock(sequences: _Element) -> tuple[float, datetime | None]:
    """Rate in Hz and absolute time of the first sample, from the time sequence."""
    for sequence in each(sequences, "component/sequence"):
        code = attribute(sequence, "code", "code")
        if code in ("TIME_ABSOLUTE", "TIME_RELATIVE"):
            step = number(attribute(sequence, "value/increment", "value"))
            unit = SECONDS.get(attribute(sequence, "value/increment", "unit").lower() or "s")
            hertz = float(1 / (step * unit)) if step and unit and step > 0 else 0.0
            return hertz, times.hl7(attribute(sequence, "value/head", "value")) if code == "TIME_ABSOLUTE" else None
    return 0.0, None


def _lead(sequence: _Element) -> Lead | Fault | str | None:
    """(name, digits, scale µV, origin µV); None for a sequence that is no lead, a warning for one that is left out."""
    code = attribute(sequence, "code", "code")
    digits = sequence.find("value/digits")
    if digits is None or code.startswith("TIME_"):
        return None
    scale, origin = (
        number(attribute(sequence, "value/scale", "value")),
        number(attribute(sequence, "value/origin", "value") or "0"),
    )
    unit = TO_UV.get(attribute(sequence, "value/scale", "unit"))
    shift = TO_UV.get(attribute(sequence, "value/origin", "unit") or attribute(sequence, "value/scale", "unit"))
    steps = numbers(text(digits))
    if unit is None and attribute(sequence, "value/scale", "unit") and not code.startswith("MDC_ECG_LEAD_"):
        return "signals of another unit are left out"
    if steps is not None and not len(steps):
        return "leads without samples are left out"
    if scale is None or origin is None or unit is None or shift is None or not scale:
        return bad("E155", "a lead has no scale in volts", f"sequence {code[:40]}")
    if steps is None:
        return bad("E156", "a lead's digits are not numbers", f"sequence {code[:40]}")
    return leads.canonical(code), steps, scale * unit, origin * shift


def _started(element: _Element) -> datetime | None:
    for part in ("low", "center"):
        found = times.hl7(attribute(element, f"effectiveTime/{part}", "value"))
        if found:
            return found
    return times.hl7(attribute(element, "effectiveTime", "value"))


def _patient(root: _Element) -> Patient:
    subject = root.find(".//trialSubject")
    person = subject.find("subjectDemographicPerson") if subject is not None else None
    birth = attribute(person, "birthTime", "value")
    names = [text(part) for part in each(person, "name/*")]
    age = root.find(".//relatedObservation/code[@code='21612-7']/../value")
    return Patient(
        id=attribute(subject, "id", "extension"), authority=attribute(subject, "id", "root"),
        name=text(person, "name") or " ".join(name for name in names if name),
        family=text(person, "name/family"), given=text(person, "name/given"),
        birth_date=times.iso_day(birth[:8]), sex=SEX.get(attribute(person, "administrativeGenderCode", "code"), ""),
        age=f"{age.get('value', '')} {age.get('unit', '')}".strip() if age is not None else "",
    )  # fmt: skip


def _device(series: _Element) -> Device:
    author = series.find("author/seriesAuthor")
    device = "manufacturedSeriesDevice/"
    return Device(
        manufacturer=text(author, "manufacturerOrganization/name"), model=text(author, device + "manufacturerModelName"),
        serial=text(author, device + "serialNumber"), software=text(author, device + "softwareName"),
    )  # fmt: skip


def _filters(series: _Element) -> Filters:
    found: dict[str, float] = {}
    for variable in each(series, "controlVariable/controlVariable"):
        kind = attribute(variable, "code", "code")
        for part in each(variable, "component/controlVariable"):
            if attribute(part, "code", "code").endswith("_FREQ"):
                found[kind.rsplit("FILTER_", 1)[-1]] = rate(attribute(part, "value", "value"))
    return Filters(found.get("HIGH_PASS") or None, found.get("LOW_PASS") or None, found.get("NOTCH") or None)


def _median(series: _Element | None) -> Median | None:
    if series is None:
        return None
    read_series = _leads(series, [])
    if isinstance(read_series, Fault) or read_series[1] <= 0:
        return None
    rows, hertz, _ = read_series
    return Median(tuple(row[0] for row in rows), stacked([physical(r[1], r[2], r[3]) for r in rows], []), hertz)
