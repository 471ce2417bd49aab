"""HL7 v3 Annotated ECG out (PORT_MT020001): rhythm, representative beat, measurements and statements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from adapters.ecg.measures import BY_NAME
from adapters.ecg.recording import Recording, bad
from adapters.ecg.whole import Whole, Written, no_gaps, notes, whole
from engine.fault import Fault

MDC = 'codeSystem="2.16.840.1.113883.6.24" codeSystemName="MDC"'
ACT = 'codeSystem="2.16.840.1.113883.5.4" codeSystemName="ActCode"'
SEX = {"male": "M", "female": "F", "other": "UN"}
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def write(recording: Recording, name: str = "ecg") -> Written | Fault:
    """One aECG document."""
    found = whole(recording, 1 << 40)
    if isinstance(found, Fault):
        return found
    gaps = no_gaps(found, "aECG")
    if gaps:
        return gaps
    if any(not _text(lead) for lead in recording.leads):
        return bad("E161", "a lead has no name")
    start = recording.start
    stamp = f'<effectiveTime><low value="{_time(start)}"/></effectiveTime>' if start else ""
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="Observation">
<id root="{_text(name)}"/><code code="93000" codeSystem="2.16.840.1.113883.6.12" codeSystemName="CPT-4"/>
{stamp}{_subject(recording)}
<component><series><code code="RHYTHM" {ACT}/>{stamp}{_author(recording)}{_filters(recording)}
<component>{_sequences(recording.leads, found, recording.rate, start)}</component>
{_annotations(recording)}{_derived(recording)}</series></component></AnnotatedECG>
"""
    return Written({f"{name}.xml": body.encode()}, notes(found))


def _text(value: str) -> str:
    """Text for XML: what XML cannot hold is left out, what it reserves is escaped."""
    kept = "".join(
        one for one in value if one in "\t\n\r" or (one >= " " and not "\ud800" <= one <= "\udfff" and one not in "\ufffe\uffff")
    )
    return kept.translate(ESCAPES)


def _time(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}.{at.microsecond:06d}{at.strftime('%z')[:5]}"


def _subject(recording: Recording) -> str:
    who = recording.patient
    birth = f'<birthTime value="{who.birth_date.replace("-", "")}"/>' if who.birth_date else ""
    sex = f'<administrativeGenderCode code="{SEX[who.sex]}" codeSystem="2.16.840.1.113883.5.1"/>' if who.sex in SEX else ""
    parts = (
        f"<family>{_text(who.family)}</family><given>{_text(who.given)}</given>" if who.family or who.given else _text(who.name)
    )
    person = f"<subjectDemographicPerson><name>{parts}</name>{sex}{birth}</subjectDemographicPerson>"
    trial = f'<trialSubject><id root="{_text(who.authority)}" extension="{_text(who.id)}"/>{person}</trialSubject>'
    note = (
        f"<pertainsTo><subjectFindingComment><text>{_text(recording.comment)}</text></subjectFindingComment></pertainsTo>"
        if recording.comment
        else ""
    )
    return f"<componentOf><timepointEvent><componentOf><subjectAssignment><subject>{trial}</subject></subjectAssignment></componentOf></timepointEvent></componentOf>{note}"  # noqa: E501


def _author(recording: Recording) -> str:
    device = recording.device
    return (
        f"<author><seriesAuthor><manufacturedSeriesDevice><manufacturerModelName>{_text(device.model)}</manufacturerModelName><softwareName>"
        f"{_text(device.software)}</softwareName><serialNumber>{_text(device.serial)}</serialNumber></manufacturedSeriesDevice>"
        f"<manufacturerOrganization><name>{_text(device.manufacturer)}</name></manufacturerOrganization></seriesAuthor></author>"
    )


def _filters(recording: Recording) -> str:
    filters = recording.filters
    rows = (
        ("HIGH_PASS", "CUTOFF", filters.high_pass),
        ("LOW_PASS", "CUTOFF", filters.low_pass),
        ("NOTCH", "NOTCH", filters.notch),
    )
    return "".join(
        f'<controlVariable><controlVariable><code code="MDC_ECG_CTL_VBL_ATTR_FILTER_{kind}" {MDC}/><component><controlVariable>'
        f'<code code="MDC_ECG_CTL_VBL_ATTR_FILTER_{part}_FREQ" {MDC}/><value xsi:type="PQ" value="{hertz:g}" unit="Hz"/></controlVariable>'
        "</component></controlVariable></controlVariable>"
        for kind, part, hertz in rows
        if hertz
    )


def _sequences(leads: Iterable[str], found: Whole, rate: float, start: datetime | None) -> str:
    step = format((1 / Decimal(repr(rate))).normalize(), "f")
    head = f'<head value="{_time(start)}"/>' if start else '<head value="0" unit="s"/>'
    kind, form = ("TIME_ABSOLUTE", "GLIST_TS") if start else ("TIME_RELATIVE", "GLIST_PQ")
    time = f'<code code="{kind}" {ACT}/><value xsi:type="{form}">{head}<increment value="{step}" unit="s"/></value>'
    rows = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{_text(lead.upper() if lead.startswith("aV") else lead)}" {MDC}/><value xsi:type="SLIST_PQ">'
        f'<origin value="{zero:f}" unit="uV"/><scale value="{scale:f}" unit="uV"/><digits>{_digits(row)}</digits></value></sequence></component>\n'
        for lead, row, scale, zero in zip(leads, found.steps, found.scale, found.origin, strict=True)
    )
    return f"<sequenceSet><component><sequence>{time}</sequence></component>\n{rows}</sequenceSet>"


def _digits(row: NDArray[np.int64]) -> str:
    return " ".join(map(str, row.tolist()))


def _annotations(recording: Recording) -> str:
    rows = [
        f'<component><annotation><code code="{BY_NAME[one.name].aecg}" {MDC}/><value xsi:type="PQ" value="{one.value:f}" '
        f'unit="{"bpm" if one.unit == "/min" else one.unit}"/></annotation></component>'
        for one in recording.measurements
        if one.name in BY_NAME and BY_NAME[one.name].aecg and not one.lead
    ]
    rows += [
        f'<component><annotation><code code="MDC_ECG_INTERPRETATION_STATEMENT" {MDC}/><value xsi:type="ST">{_text(said.text)}</value>'
        "</annotation></component>"
        for said in recording.statements
    ]
    return f"<subjectOf><annotationSet>{''.join(rows)}</annotationSet></subjectOf>" if rows else ""


def _derived(recording: Recording) -> str:
    beat = recording.median
    if beat is None:
        return ""
    found = whole(
        Recording(
            "median",
            beat.leads,
            beat.samples,
            beat.rate,
            scale=_scales(recording, beat.leads),
            origin=(Decimal(0),) * len(beat.leads),
        ),
        1 << 40,
    )
    if isinstance(found, Fault) or found.missing.any():
        return ""
    return (
        f'<derivation><derivedSeries><code code="REPRESENTATIVE_BEAT" {ACT}/><component>{_sequences(beat.leads, found, beat.rate, None)}'
        "</component></derivedSeries></derivation>"
    )


def _scales(recording: Recording, leads: tuple[str, ...]) -> tuple[Decimal, ...]:
    """The rhythm's steps for the beat's leads, the only ones known for it."""
    known = dict(zip(recording.leads, recording.scale, strict=False))
    return tuple(known.get(lead, Decimal("0.001")) for lead in leads)
