"""DICOM out (PS3.3 A.34, PS3.10): one waveform object, explicit little-endian, UIDs that follow from the content."""

from __future__ import annotations

import hashlib
import struct
from decimal import Decimal

import numpy as np

from adapters.ecg.leads import SCP, STANDARD
from adapters.ecg.recording import Recording, bad
from adapters.ecg.whole import Whole, Written, notes, whole
from engine.fault import Fault

LONG = {"OB", "OW", "SQ", "UN", "UT"}
TWELVE, GENERAL, AMBULATORY = (f"1.2.840.10008.5.1.4.1.1.9.1.{n}" for n in (1, 2, 3))
AGES = {"a": "Y", "mo": "M", "wk": "W", "d": "D"}
SEX = {"male": "M", "female": "F", "other": "O"}
TITLES = {
    "pr": "PR Interval", "qrs": "QRS Duration", "qt": "QT Interval", "qtc": "QTc Interval", "p_axis": "P Axis", "qrs_axis": "QRS Axis",
    "t_axis": "T Axis", "rr": "RR Interval", "heart_rate": "Ventricular Heart Rate", "atrial_rate": "Atrial Heart Rate",
    "p_duration": "P Duration",
}  # fmt: skip
CODES = {"pr": "5.13.5-7", "qrs": "5.13.5-9", "qt": "5.13.5-11", "qtc": "5.10.2.5-5", "rr": "5.10.2.1-3", "heart_rate": "5.10.2.5-1",
         "atrial_rate": "5.10.2.5-3", "p_axis": "5.10.3-11", "qrs_axis": "5.10.3-13", "t_axis": "5.10.3-15", "p_duration": "5.13.7-1"}  # fmt: skip


def write(recording: Recording, name: str = "ecg") -> Written | Fault:
    """One DICOM file."""
    found = whole(recording)
    if isinstance(found, Fault):
        return found
    if len(recording.leads) > 256:
        return bad("E161", "there are more channels than are written")
    kind = _kind(recording)
    digest = hashlib.sha256(
        found.steps.tobytes() + repr((recording.leads, recording.rate, recording.patient.id)).encode()
    ).digest()
    meta = (
        _element(0x00020001, "OB", b"\0\1")
        + _element(0x00020002, "UI", kind)
        + _element(0x00020003, "UI", _uid(digest, "instance"))
    )
    meta += _element(0x00020010, "UI", "1.2.840.10008.1.2.1") + _element(0x00020012, "UI", _uid(b"isthmus", "implementation"))
    head = bytes(128) + b"DICM" + _element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta
    elements = _identity(recording, kind, digest) | {
        0x0040B020: _annotations(recording),
        0x54000100: _sequence([_group(recording, found)]),
    }
    body = b"".join(
        _element(tag, *value) if isinstance(value, tuple) else _element(tag, "SQ", value)
        for tag, value in sorted(elements.items())
        if value
    )
    return Written({f"{name}.dcm": head + body}, notes(found))


def _kind(recording: Recording) -> str:
    if set(recording.leads) <= set(STANDARD) and recording.samples.shape[1] <= 16384 and 200 <= recording.rate <= 1000:
        return TWELVE
    return GENERAL if len(recording.leads) <= 24 and 200 <= recording.rate <= 1000 else AMBULATORY


def _uid(content: bytes, part: str) -> str:
    return f"2.25.{int.from_bytes(hashlib.sha256(content + part.encode()).digest()[:16], 'big')}"


def _element(tag: int, vr: str, value: bytes | str) -> bytes:
    data = value if isinstance(value, bytes) else value.encode()
    data += (b"\0" if vr in ("UI", "OB", "OW") else b" ") * (len(data) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    return head + (struct.pack("<HI", 0, len(data)) if vr in LONG else struct.pack("<H", len(data))) + data


def _item(*elements: tuple[int, str, bytes | str]) -> bytes:
    return b"".join(_element(*one) for one in sorted(elements, key=lambda one: one[0]))


def _sequence(items: list[bytes]) -> bytes:
    return b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)


def _code(value: str, scheme: str, meaning: str) -> bytes:
    return _sequence([_item((0x00080100, "SH", value), (0x00080102, "SH", scheme), (0x00080104, "LO", meaning))])


def _clean(text: str, most: int = 64) -> str:
    """A text that holds no separators and no control characters."""
    return "".join(letter for letter in text if letter.isprintable() and letter not in "\\^=")[:most]


def _age(text: str) -> str:
    """`50 a` as 050Y; empty where it does not fit."""
    number, _, unit = text.partition(" ")
    return f"{int(number):03d}{AGES[unit]}" if number.isascii() and number.isdigit() and len(number) < 4 and unit in AGES else ""


def _identity(recording: Recording, kind: str, digest: bytes) -> dict[int, tuple[str, str] | bytes]:
    who, device, start = recording.patient, recording.device, recording.start
    day = start.strftime("%Y%m%d") if start else ""
    clock = start.strftime("%H%M%S.%f") if start else ""
    zone = start.strftime("%z")[:5] if start and start.tzinfo else ""
    return {
        0x00080005: ("CS", "ISO_IR 192"), 0x00080016: ("UI", kind), 0x00080018: ("UI", _uid(digest, "instance")), 0x00080020: ("DA", day),
        0x00080023: ("DA", day), 0x0008002A: ("DT", day + clock + zone), 0x00080030: ("TM", clock), 0x00080033: ("TM", clock),
        0x00080050: ("SH", _clean(recording.order, 16)), 0x00080060: ("CS", "ECG"), 0x00080070: ("LO", _clean(device.manufacturer)),
        0x00081090: ("LO", _clean(device.model)), 0x00080090: ("PN", ""), 0x00080201: ("SH", zone),
        0x00100010: ("PN", "^".join((_clean(who.family or who.name), _clean(who.given))).rstrip("^")), 0x00100020: ("LO", _clean(who.id)),
        0x00100021: ("LO", _clean(who.authority)), 0x00100030: ("DA", who.birth_date.replace("-", "") if len(who.birth_date) == 10 else ""),
        0x00100040: ("CS", SEX.get(who.sex, "")), 0x00101010: ("AS", _age(who.age)), 0x00181000: ("LO", _clean(device.serial)),
        0x00181020: ("LO", _clean(device.software)),
        0x0020000D: ("UI", _uid(digest, "study")), 0x0020000E: ("UI", _uid(digest, "series")), 0x00200010: ("SH", ""),
        0x00200011: ("IS", "1"), 0x00200013: ("IS", "1"), 0x00400555: b"",
    }  # fmt: skip


def _annotations(recording: Recording) -> bytes:
    items = []
    for one in recording.measurements:
        if one.name in TITLES and not one.lead:
            unit = {"/min": ("/min", "per minute"), "deg": ("deg", "degree"), "ms": ("ms", "millisecond")}.get(
                one.unit, ("1", "no units")
            )
            items.append(
                _item(
                    (0x004008EA, "SQ", _code(unit[0], "UCUM", unit[1])), (0x0040A043, "SQ", _code(CODES[one.name], "SCPECG", TITLES[one.name])),
                    (0x0040A0B0, "US", struct.pack("<HH", 1, 0)), (0x0040A180, "US", struct.pack("<H", 0)), (0x0040A30A, "DS", str(one.value)[:16]),
                )
            )  # fmt: skip
    for said in recording.statements:
        text = "".join(letter for letter in said.text if letter.isprintable())[:1024]
        items.append(
            _item(
                (0x00700006, "ST", text), (0x0040A0B0, "US", struct.pack("<HH", 1, 0)), (0x0040A180, "US", struct.pack("<H", 1))
            )
        )
    return _sequence(items)


def _group(recording: Recording, found: Whole) -> bytes:
    filters = recording.filters
    cutoffs = ((0x003A0220, filters.high_pass), (0x003A0221, filters.low_pass), (0x003A0222, filters.notch))
    channels = []
    for lead, scale, zero in zip(recording.leads, found.scale, found.origin, strict=True):
        code = (
            (f"5.6.3-9-{SCP[lead]}", "SCPECG", f"Lead {lead}") if lead in SCP else (_clean(lead, 16), "99ISTHMUS", _clean(lead))
        )
        extra: list[tuple[int, str, bytes | str]] = [(tag, "DS", f"{value:g}") for tag, value in cutoffs if value]
        channels.append(
            _item(
                (0x003A0208, "SQ", _code(*code)), (0x003A0210, "DS", _ds(scale)), (0x003A0211, "SQ", _code("uV", "UCUM", "microvolt")),
                (0x003A0212, "DS", "1"), (0x003A0213, "DS", _ds(zero)), (0x003A0215, "DS", "0"), (0x003A021A, "US", struct.pack("<H", 16)), *extra,
            )
        )  # fmt: skip
    padding = -32768
    data = np.where(found.missing, padding, found.steps).T.astype("<i2").tobytes()
    pad: list[tuple[int, str, bytes | str]] = [(0x5400100A, "OW", struct.pack("<h", padding))] if found.missing.any() else []
    return _item(
        (0x003A0004, "CS", "ORIGINAL"), (0x003A0005, "US", struct.pack("<H", len(recording.leads))),
        (0x003A0010, "UL", struct.pack("<I", recording.samples.shape[1])), (0x003A001A, "DS", f"{recording.rate:.10g}"),
        (0x003A0020, "SH", "RHYTHM"), (0x003A0200, "SQ", _sequence(channels)), (0x54001004, "US", struct.pack("<H", 16)),
        (0x54001006, "CS", "SS"), *pad, (0x54001010, "OW", data),
    )  # fmt: skip


def _ds(value: Decimal) -> str:
    """A decimal string of at most 16 characters."""
    plain = format(value.normalize(), "f") if value else "0"
    if len(plain) <= 16:
        return plain
    return next(text for digits in range(16, 0, -1) if len(text := f"{value:.{digits}g}") <= 16)
