"""Schiller XML (`eventdata/event/wavedata`): bytes to a Recording. Samples are comma-separated whole numbers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from lxml.etree import _Element
from numpy.typing import NDArray

from adapters.ecg import leads, times
from adapters.ecg.recording import Device, Median, Patient, Recording, bad, checked, physical, stacked
from adapters.ecg.xml_tools import TO_UV, attribute, each, number, numbers, plain, rate, text
from engine import safe_xml
from engine.fault import Fault

RHYTHMS = ("ECG_RHYTHMS", "ECG_RHYTHM")
SEX = {"m": "male", "male": "male", "f": "female", "female": "female", "w": "female"}
Rows = tuple[list[tuple[str, NDArray[Any]]], float, Decimal]


def read(body: bytes) -> Recording | Fault:
    """Reads a Schiller export."""
    root = safe_xml.parse(body)
    return root if isinstance(root, Fault) else from_tree(plain(root))


def holds(root: _Element) -> bool:
    """Whether a document is such an export; its root has several names."""
    return root.find(".//event/wavedata") is not None


def from_tree(root: _Element) -> Recording | Fault:
    """Reads the parsed document."""
    warnings: list[str] = []
    waves = {wave.get("type", ""): wave for wave in each(root, ".//event/wavedata")}
    rhythm = next((waves[kind] for kind in RHYTHMS if kind in waves), None)
    if rhythm is None:
        return bad("E152", "there is no rhythm", "eventdata/event/wavedata")
    found = _rows(rhythm)
    if isinstance(found, Fault):
        return found
    rows, hertz, scale = found
    return checked(
        Recording(
            format="schiller", leads=tuple(name for name, _ in rows), rate=hertz, start=_start(root), patient=_patient(root),
            samples=stacked([physical(steps, scale) for _, steps in rows], warnings), scale=(scale,) * len(rows),
            origin=(Decimal(0),) * len(rows), median=_median(waves.get("ECG_AVERAGES")), warnings=tuple(warnings),
            device=Device("Schiller", text(root, ".//device/model"), text(root, ".//device/serialnumber"), ""),
        )
    )  # fmt: skip


def _rows(wave: _Element) -> Rows | Fault:
    resolution = wave.find("resolution")
    exponent = number(text(resolution, "samplerate/exponent") or "0")
    step, unit = number(text(resolution, "yres/unitperbit")), TO_UV.get(text(resolution, "yres/units"))
    if exponent is None or abs(exponent) > 9:
        return bad("E154", "the sampling rate is not one", "resolution/samplerate")
    if step is None or unit is None or not step:
        return bad("E155", "there is no amplitude in volts", "resolution/yres")
    rows = []
    for channel in each(wave, "channel"):
        steps = numbers(text(channel, "data"))
        name = text(channel, "name") or attribute(channel, "", "name")
        if steps is None:
            return bad("E156", "a channel's samples are not numbers", f"channel {name[:20]}")
        rows.append((leads.canonical(name), steps))
    if not rows:
        return bad("E152", "there are no channels", "wavedata/channel")
    return rows, rate(text(resolution, "samplerate/value")) * 10.0 ** int(exponent), step * unit


def _median(wave: _Element | None) -> Median | None:
    found = _rows(wave) if wave is not None else None
    if found is None or isinstance(found, Fault) or found[1] <= 0:
        return None
    rows, hertz, scale = found
    return Median(tuple(name for name, _ in rows), stacked([physical(steps, scale) for _, steps in rows], []), hertz)


def _start(root: _Element) -> datetime | None:
    for place in (".//startdatetime", ".//examdatetime"):
        found = times.parts(text(root, f"{place}/date"), text(root, f"{place}/time"))
        if found:
            return found
    return None


def _patient(root: _Element) -> Patient:
    who = root.find(".//patdata")
    return Patient(
        id=text(who, "id"), family=text(who, "lastname"), given=text(who, "firstname"),
        birth_date=times.iso_day(text(who, "birthdate")), sex=SEX.get(text(who, "gender").lower(), ""),
    )  # fmt: skip
