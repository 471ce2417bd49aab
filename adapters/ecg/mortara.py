"""Mortara/Baxter ELI XML (`ECG` with `CHANNEL` elements): bytes to a Recording.

A channel holds its samples in an attribute: mV = (whole number + OFFSET) / UNITS_PER_MV.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from lxml.etree import _Element

from adapters.ecg import leads, times
from adapters.ecg.measures import measurement
from adapters.ecg.recording import (
    Device,
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
)
from adapters.ecg.xml_tools import decoded, each, number, plain, rate
from engine import safe_xml
from engine.fault import Fault

KINDS = {
    ("SIGNED", "8"): "i1", ("UNSIGNED", "8"): "u1", ("SIGNED", "16"): "<i2", ("UNSIGNED", "16"): "<u2", ("SIGNED", "32"): "<i4",
}  # fmt: skip
SEX = {"male": "male", "m": "male", "female": "female", "f": "female", "unknown": "unknown"}
MEASURES = {
    "heart_rate": "VENT_RATE", "rr": "AVERAGE_RR", "pr": "PR_DURATION", "qrs": "QRS_DURATION", "qt": "QT_DURATION",
    "qtc": "QTC_DURATION", "p_axis": "P_AXIS", "qrs_axis": "QRS_AXIS", "t_axis": "T_AXIS",
}  # fmt: skip


def read(body: bytes) -> Recording | Fault:
    """Reads an `ECG` document."""
    root = safe_xml.parse(body)
    return root if isinstance(root, Fault) else from_tree(plain(root))


def from_tree(root: _Element) -> Recording | Fault:
    """Reads the parsed document."""
    warnings: list[str] = []
    rows: list[tuple[str, Samples, Decimal, Decimal]] = []
    rates: set[float] = set()
    for channel in each(root, "CHANNEL"):
        row = _channel(channel)
        if isinstance(row, Fault):
            return row
        rows.append(row)
        rates.add(rate(channel.get("SAMPLE_FREQ", "")))
    if not rows or len(rates) != 1:
        return bad("E154", "there are no channels, or they differ in rate", "ECG/CHANNEL")
    return checked(
        Recording(
            format="mortara", leads=tuple(row[0] for row in rows), samples=stacked([row[1] for row in rows], warnings),
            rate=rates.pop(), scale=tuple(row[2] for row in rows), origin=tuple(row[3] for row in rows),
            start=times.hl7(root.get("ACQUISITION_TIME", "")), patient=patient(_one(root, "PATIENT", "SUBJECT")),
            device=device(_one(root, "SOURCE")), measurements=_measurements(root), statements=_statements(root),
            median=_median(root.find("TYPICAL_CYCLE")), order=root.get("ORDER_NUMBER", ""), warnings=tuple(warnings),
        )
    )  # fmt: skip


def _median(cycle: _Element | None) -> Median | None:
    """The typical cycle; its channels may leave what they share to the cycle's own attributes."""
    rows = []
    for child in cycle if cycle is not None else ():
        if cycle is not None and child.get("DATA"):
            for key in set(cycle.attrib) - set(child.attrib) - {"DURATION"}:
                child.set(key, cycle.attrib[key])
            row = _channel(child)
            if not isinstance(row, Fault):
                rows.append(row)
    hertz = rate(cycle.get("SAMPLE_FREQ", "")) if cycle is not None else 0.0
    return Median(tuple(row[0] for row in rows), stacked([row[1] for row in rows], []), hertz) if rows and hertz > 0 else None


def _one(root: _Element, *names: str) -> _Element | None:
    return next((found for name in names if (found := root.find(name)) is not None), None)


def _channel(channel: _Element) -> tuple[str, Samples, Decimal, Decimal] | Fault:
    name = leads.canonical(channel.get("NAME", ""))
    units, offset, count = (
        number(channel.get(key, default)) for key, default in (("UNITS_PER_MV", ""), ("OFFSET", "0"), ("DURATION", ""))
    )
    kind = KINDS.get((channel.get("FORMAT", "SIGNED").upper(), channel.get("BITS", "16").strip()))
    if kind is None or channel.get("ENCODING", "BASE64").upper() != "BASE64":
        return bad("E157", "a channel is not Base64 of samples of 8, 16 or 32 bits", f"channel {name[:20]}")
    if units is None or not units or offset is None:
        return bad("E155", "a channel has no units per mV", f"channel {name[:20]}")
    raw = decoded(channel.get("DATA", ""))
    if raw is None:
        return bad("E156", "a channel's samples are not Base64", f"channel {name[:20]}")
    steps = np.frombuffer(raw[: len(raw) - len(raw) % np.dtype(kind).itemsize], kind).astype(np.int64)
    if count is not None and count != len(steps):
        return bad("E152", "a channel has not as many samples as declared", f"channel {name[:20]}")
    scale = Decimal(1000) / units
    if offset == int(offset):
        return name, physical(steps + int(offset), scale), scale, Decimal(0)
    return name, physical(steps, scale, offset * scale), scale, offset * scale


def patient(who: _Element | None) -> Patient:
    """The `PATIENT` element, which the Holter exports of the same maker share."""
    if who is None:
        return Patient()
    age = who.get("AGE", "").strip()
    return Patient(
        id=who.get("ID", ""), name=who.get("NAME", ""), family=who.get("LAST_NAME", ""), given=who.get("FIRST_NAME", ""),
        birth_date=times.iso_day(who.get("DOB_EX", "")) or times.iso_day(who.get("DOB", "")),
        sex=SEX.get((who.get("SEX") or who.get("GENDER") or "").lower(), ""), age=f"{age} a" if age.isdigit() else "",
    )  # fmt: skip


def device(source: _Element | None) -> Device:
    """The `SOURCE` element."""
    if source is None:
        return Device()
    serial = source.get("RECORDER_SERIAL_NUMBER") or source.get("ID") or ""
    return Device(source.get("MANUFACTURER", ""), source.get("MODEL", ""), serial, source.get("SOFTWARE_VERSION", ""))


def _measurements(root: _Element) -> tuple[Measurement, ...]:
    """Attributes of the document or of its typical cycle."""
    out: tuple[Measurement, ...] = ()
    for name, key in MEASURES.items():
        values = (number(one.get(key, "")) for one in (root, *each(root, "TYPICAL_CYCLE"), *each(root, "MEASUREMENTS")))
        out += measurement(name, next((value for value in values if value is not None), None))
    return out


def _statements(root: _Element) -> tuple[Statement, ...]:
    said = (one.get("TEXT") or (one.text or "") for one in each(root, ".//STATEMENT"))
    return tuple(Statement(text.strip()) for text in said if text.strip())
