"""SCP-ECG sections 1, 7 and 8: patient, device, times, filters, measurements and statements (EN 1064, 5.4, 5.10, 5.11)."""

from __future__ import annotations

import struct
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from adapters.ecg.measures import measurement
from adapters.ecg.recording import Device, Filters, Measurement, Patient, Statement
from adapters.ecg.scp_text import Reader

NONE = (29999, 65535)
SEX = {1: "male", 2: "female", 0: "unknown", 9: "unknown"}
AGES = {1: "a", 2: "mo", 3: "wk", 4: "d", 5: "h"}
CORRECTED = {1: "qtc_bazett", 2: "qtc_hodges", 3: "qtc_fridericia", 4: "qtc_framingham"}


def found(parts: dict[int, bytes], warnings: list[str]) -> dict[str, Any]:
    """The fields of a Recording these sections fill."""
    tags = _tags(parts.get(1, b""))
    texts = Reader(_language(tags), warnings)
    try:
        measured = _measurements(parts.get(7, b""))
    except struct.error:
        warnings.append("the measurements are cut off")
        measured = ()
    return {
        "patient": _patient(tags, texts), "device": _device(tags.get(14, [b""])[0], texts), "filters": _filters(tags), "start": _start(tags),
        "measurements": measured, "statements": _statements(parts.get(8, b""), texts),
        "comment": "\n".join(filter(None, map(texts.first, tags.get(30, [])))), "order": texts.first(tags.get(31, [b""])[0]),
    }  # fmt: skip


def _tags(section: bytes) -> dict[int, list[bytes]]:
    out: dict[int, list[bytes]] = {}
    at = 0
    while at + 3 <= len(section) and section[at] != 255:
        size = int.from_bytes(section[at + 1 : at + 3], "little")
        out.setdefault(section[at], []).append(section[at + 3 : at + 3 + size])
        at += 3 + size
    return out


def _language(tags: dict[int, list[bytes]]) -> int | None:
    """The language support code of the device that acquired, else of the one that analysed."""
    return next((one[16] for tag in (14, 15) for one in tags.get(tag, []) if len(one) > 16), None)


def _patient(tags: dict[int, list[bytes]], texts: Reader) -> Patient:
    birth, age, sex = (tags.get(tag, [b""])[0] for tag in (5, 4, 8))
    years = int.from_bytes(age[:2], "little") if len(age) >= 3 else 0
    family, given, number, second = (texts.first(tags.get(tag, [b""])[0]) for tag in (0, 1, 2, 3))
    return Patient(
        id=number, family=f"{family} {second}".strip(), given=given,
        birth_date=_day(birth), sex=SEX.get(sex[0], "") if sex else "",
        age=f"{years} {AGES[age[2]]}" if years and age[2] in AGES else "",
    )  # fmt: skip


def _day(raw: bytes) -> str:
    if len(raw) < 4:
        return ""
    try:
        return date(*struct.unpack("<HBB", raw[:4])).isoformat()
    except ValueError:
        return ""


def _start(tags: dict[int, list[bytes]]) -> datetime | None:
    day, clock, zone = (tags.get(tag, [b""])[0] for tag in (25, 26, 34))
    if len(day) < 4 or len(clock) < 3:
        return None
    minutes = struct.unpack("<h", zone[:2])[0] if len(zone) >= 2 else 0x7FFF
    try:
        shift = timezone(timedelta(minutes=minutes)) if abs(minutes) < 1440 else None
        year, month, dom = struct.unpack("<HBB", day[:4])
        return datetime(year, month, dom, clock[0], clock[1], clock[2], tzinfo=shift)
    except ValueError:
        return None


def _device(raw: bytes, texts: Reader) -> Device:
    """Tag 14: a six-letter model from byte 8 on; from byte 36 on program, serial, software, SCP software and maker."""
    _, serial, software, _, maker = (texts.all(raw[36:]) + [""] * 5)[:5]
    return Device(manufacturer=maker, model=Reader(None).first(raw[8:14]), serial=serial, software=software)


def _filters(tags: dict[int, list[bytes]]) -> Filters:
    high, low, bitmap = (int.from_bytes(tags.get(tag, [b""])[0][:2], "little") for tag in (27, 28, 29))
    notch = 60.0 if bitmap & 1 else 50.0 if bitmap & 2 else None
    return Filters(high / 100 if high else None, float(low) if low else None, notch)


def _value(number: int) -> Decimal | None:
    return Decimal(number) if number not in NONE and number else None


def _measurements(section: bytes) -> tuple[Measurement, ...]:
    """Intervals of the first block, which is the reference beat's; axes where they are defined."""
    if len(section) < 6:
        return ()
    blocks, spikes, rr, _ = struct.unpack_from("<BBHH", section)
    out = measurement("rr", _value(rr))
    if blocks:
        p_on, p_off, on, off, t_off, *axes = struct.unpack_from("<5H3h", section, 6)
        spans = {"p_duration": (p_on, p_off), "pr": (p_on, on), "qrs": (on, off), "qt": (on, t_off)}
        for name, (first, last) in spans.items():
            if first not in NONE and last not in NONE and last > first:
                out += measurement(name, Decimal(last - first))
        for name, axis in zip(("p_axis", "qrs_axis", "t_axis"), axes, strict=True):
            out += measurement(name, Decimal(axis) if -180 <= axis <= 360 else None)
    at = 6 + 16 * blocks + 10 * spikes
    if at + 2 <= len(section):
        at += 2 + struct.unpack_from("<H", section, at)[0]
        if at + 7 <= len(section):
            ventricular, atrial, corrected, formula = struct.unpack_from("<HHHB", section, at)
            out += measurement("heart_rate", _value(ventricular)) + measurement("atrial_rate", _value(atrial))
            out += measurement(CORRECTED.get(formula, "qtc"), _value(corrected))
    return out


def _statements(section: bytes, texts: Reader) -> tuple[Statement, ...]:
    out: list[Statement] = []
    at = 9
    for _ in range(section[8] if len(section) > 8 else 0):
        size = int.from_bytes(section[at + 1 : at + 3], "little")
        if at + 3 + size > len(section):
            break
        text = texts.first(section[at + 3 : at + 3 + size])
        if text:
            out.append(Statement(text))
        at += 3 + size
    return tuple(out)
