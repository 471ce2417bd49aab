"""A recording and its measurements in words and as plain JSON, for the command line."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from adapters.ecg.holter import Trends
from adapters.ecg.recording import Recording


def summary(one: Recording) -> dict[str, Any]:
    """What is in a recording, as plain JSON; amplitudes in µV."""
    filters = {"high_pass": one.filters.high_pass, "low_pass": one.filters.low_pass, "notch": one.filters.notch}
    return {
        "format": one.format,
        "leads": list(one.leads),
        "rate": one.rate,
        "samples": int(one.samples.shape[1]),
        "duration": round(one.duration, 3),
        "start": one.start.isoformat() if one.start else None,
        "patient": _kept(one.patient, ("id", "authority", "name", "family", "given", "birth_date", "sex", "age")),
        "device": _kept(one.device, ("manufacturer", "model", "serial", "software")),
        "filters": {name: value for name, value in filters.items() if value is not None},
        "amplitudes": {lead: [float(np.nanmin(row)), float(np.nanmax(row))] for lead, row in _known(one)},
        "measurements": [
            {"name": number.name, "value": float(number.value), "unit": number.unit}
            | ({"lead": number.lead} if number.lead else {})
            for number in one.measurements
        ],
        "statements": [said.text for said in one.statements],
        "median_beat": list(one.median.samples.shape) if one.median else None,
        "annotations": len(one.annotations),
        "order": one.order,
        "warnings": list(one.warnings),
    }


def trends(one: Trends) -> dict[str, Any]:
    """What is in a Holter trend export, as plain JSON."""
    return {
        "format": "holter",
        "start": one.start.isoformat() if one.start else None,
        "patient": _kept(one.patient, ("id", "name", "birth_date", "sex", "age")),
        "device": _kept(one.device, ("manufacturer", "model", "serial")),
        "series": [
            {"type": line.type, "label": line.label, "unit": line.unit, "points": len(line.points)}
            | {"valid": sum(point.valid for point in line.points)}
            for line in one.series
        ],
        "warnings": list(one.warnings),
    }


def trends_text(row: dict[str, Any]) -> str:
    """The trends for people."""
    lines = [f"{row['file']}: Holter trends from {_moment(row['start'] or 'a time not stated')}, {len(row['series'])} series"]
    lines += [f"  {one['type']:<20}{one['points']:>6} points, {one['valid']} valid, {one['unit']}" for one in row["series"]]
    return "\n".join(printable(line) for line in lines)


def _moment(text: str) -> str:
    """A time as recorders state it, and that they state no zone where they do not."""
    clock = text.partition("T")[2]
    return f"{text} (zone not stated)" if clock and "+" not in clock and "-" not in clock else text


def _kept(value: Any, names: tuple[str, ...]) -> dict[str, str]:
    return {name: getattr(value, name) for name in names if getattr(value, name)}


def _known(one: Recording) -> list[tuple[str, Any]]:
    return [(lead, row) for lead, row in zip(one.leads, one.samples, strict=True) if np.isfinite(row).any()]


def printable(text: str) -> str:
    """Text that cannot drive a terminal."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def summary_text(row: dict[str, Any]) -> str:
    """The summary for people."""
    patient = ", ".join(f"{name} {value}" for name, value in row["patient"].items()) or "not stated"
    lines = [
        f"{row['file']}: {row['format']}",
        f"  {len(row['leads'])} {'lead' if len(row['leads']) == 1 else 'leads'}: {' '.join(row['leads'])}",
        f"  {row['rate']:g} Hz, {row['samples']} samples, {row['duration']:g} s",
        f"  start     {_moment(row['start'] or 'not stated')}",
        f"  patient   {patient}",
        f"  device    {', '.join(row['device'].values()) or 'not stated'}",
        "  µV        " + "  ".join(f"{lead} {low:.0f}…{high:.0f}" for lead, (low, high) in row["amplitudes"].items()),
    ]
    lines += [f"  {one['name']:<16}{one['value']:g} {one['unit']}" for one in row["measurements"]]
    lines += [f"  said      {text}" for text in row["statements"]] + [f"  warning   {text}" for text in row["warnings"]]
    return "\n".join(printable(line) for line in lines)


def measured_text(row: dict[str, Any]) -> str:
    """Measurements for people: those of the whole recording, then a line a lead, then beats and waves when asked for."""
    lines = [f"{row['file']}: {row.get('rate', 0):g} Hz, {len(row.get('leads', ()))} leads"]
    lines += [f"  warning: {text}" for text in row["read_warnings"]]
    lines += [f"  warning: {one['text']}" for one in row.get("warnings", ())]
    whole = [one for one in row.get("measurements", ()) if not one["lead"]]
    lines += [f"  {one['name']:<18}{one['value']:>8g} {one['unit']:<6} sure {one['sure']:.2f}  {one['method']}" for one in whole]
    by_lead: dict[str, list[str]] = {}
    for one in row.get("measurements", ()):
        if one["lead"]:
            by_lead.setdefault(one["lead"], []).append(f"{one['name']} {one['value']:g} {one['unit']}")
    lines += [f"  {lead:<5} {', '.join(parts)}" for lead, parts in by_lead.items()]
    lines += [f"  hint      {one['text']}" for one in row.get("hints", ())]
    lines += [f"  beat      {one['sample']:>9} {one['time']:>10.3f} s  {one['kind']}" for one in row.get("beats", ())]
    for lead, waves in row.get("waves", {}).items():
        lines += [f"  {lead:<5} {one['wave']:<4} onset {one['onset']} peak {one['peak']} offset {one['offset']}" for one in waves]
    return "\n".join(printable(line) for line in lines)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Files in one archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()
