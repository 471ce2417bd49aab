"""What an aECG says about its tracing: measurements, statements, beats and waves.

The representative beat's own measurements are the report's; those of single beats are taken only where they all agree.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from lxml.etree import _Element

from adapters.ecg import leads, times
from adapters.ecg.measures import BY_AECG
from adapters.ecg.recording import Annotation, Measurement, Statement
from adapters.ecg.xml_tools import attribute, each, number, text

TO_MS = {"ms": Decimal(1), "s": Decimal(1000), "us": Decimal("0.001")}
SAME = {"bpm": "/min", "1/min": "/min", "/min": "/min", "deg": "deg", "°": "deg", "degrees": "deg"}
WAVES = {"PWAVE": "P", "QRSWAVE": "QRS", "TWAVE": "T", "UWAVE": "U", "RWAVE": "R", "QRSTWAVE": "QRST", "QWAVE": "Q", "SWAVE": "S"}
BOUND = 50_000  # annotations read from one file


def found(rhythm: _Element, median: _Element | None, start: datetime | None, hertz: float) -> dict[str, Any]:
    """The fields of a Recording that annotations fill."""
    sets = [one for series in (median, rhythm) if series is not None for one in each(series, "subjectOf/annotationSet")]
    marks = [mark for one in each(rhythm, "subjectOf/annotationSet") for mark in _marks(one, start, hertz)]
    return {"measurements": _measurements(sets), "statements": _statements(sets), "annotations": tuple(marks[:BOUND])}


def _measurements(sets: list[_Element]) -> tuple[Measurement, ...]:
    known: dict[str, Measurement] = {}
    loose: dict[str, set[Measurement]] = {}
    for one in sets:
        for annotation in list(one.iter("annotation"))[:BOUND]:
            value = _quantity(annotation)
            if value is None:
                continue
            parent = annotation.getparent()
            if parent is not None and (holder := parent.getparent()) is not None and holder.tag == "annotationSet":
                known.setdefault(value.name, value)
            else:
                loose.setdefault(value.name, set()).add(value)
    alike = {name: next(iter(values)) for name, values in loose.items() if len(values) == 1}
    return tuple((alike | known).values())


def _quantity(annotation: _Element) -> Measurement | None:
    measure = BY_AECG.get(attribute(annotation, "code", "code").upper())
    value = number(attribute(annotation, "value", "value"))
    unit = attribute(annotation, "value", "unit")
    if measure is None or value is None:
        return None
    if measure.unit == "ms":
        return Measurement(measure.name, value * TO_MS[unit], "ms") if unit in TO_MS else None
    return Measurement(measure.name, value, measure.unit) if SAME.get(unit, "") == measure.unit else None


def _statements(sets: list[_Element]) -> tuple[Statement, ...]:
    out: list[Statement] = []
    for one in sets:
        for annotation in list(one.iter("annotation"))[:BOUND]:
            code = attribute(annotation, "code", "code")
            if "INTERPRETATION" in code:
                words = text(annotation, "value") or attribute(annotation, "value", "displayName") or text(annotation, "text")
                if words and all(words != known.text for known in out):
                    out.append(Statement(words, attribute(annotation, "value", "code")))
    return tuple(out)


def _marks(one: _Element, start: datetime | None, hertz: float) -> list[Annotation]:
    out: list[Annotation] = []
    for annotation in list(one.iter("annotation"))[:BOUND]:
        label = _label(attribute(annotation, "value", "code"))
        for region in each(annotation, "support/supportingROI"):
            low, high, lead = _region(region, start, hertz)
            first = low if low is not None else high
            if label and first is not None:
                out.append(Annotation(label, first, high if low is not None else None, lead, "" if low is not None else "offset"))
    return out


def _label(code: str) -> str:
    kind = code.removeprefix("MDC_ECG_")
    if kind.startswith("WAVC_"):
        return WAVES.get(kind[5:], "" if kind[5:] in ("TYPE", "PEAK") else kind[5:])
    return kind if kind.startswith(("BEAT", "RHY")) else ""


def _region(region: _Element, start: datetime | None, hertz: float) -> tuple[int | None, int | None, str]:
    low = high = None
    lead = ""
    for boundary in each(region, "component/boundary"):
        code = attribute(boundary, "code", "code")
        if code.startswith("MDC_ECG_LEAD_"):
            lead = leads.canonical(code)
        else:
            relative = code == "TIME_RELATIVE"
            low, high = (_sample(boundary.find(f"value/{end}"), relative, start, hertz) for end in ("low", "high"))
    return low, high, lead


def _sample(bound: _Element | None, relative: bool, start: datetime | None, hertz: float) -> int | None:
    """A boundary's time as sample index."""
    if bound is None:
        return None
    if relative:
        value, unit = number(bound.get("value", "")), TO_MS.get(bound.get("unit", "ms"))
        return round(float(value * unit) * hertz / 1000) if value is not None and unit else None
    at = times.hl7(bound.get("value", ""))
    if at is None or start is None or (at.tzinfo is None) != (start.tzinfo is None):
        return None
    return round((at - start).total_seconds() * hertz)
