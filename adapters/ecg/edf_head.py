"""The header of an EDF or BDF file: its form, its signals, who and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from adapters.ecg import leads, times
from adapters.ecg.recording import Device, Filters, Patient, bad
from adapters.ecg.xml_tools import TO_UV, number
from engine.fault import Fault

FIELDS = (
    ("label", 16),
    ("transducer", 80),
    ("unit", 8),
    ("low", 8),
    ("high", 8),
    ("first", 8),
    ("last", 8),
    ("filter", 80),
    ("count", 8),
)
MONTHS = {name: n for n, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
NAMED = re.compile(r"^(ECG|EKG)(?![a-z0-9])", re.I)
ECG = re.compile(r"^(ECG|EKG)(?![a-z])", re.I)
AGAINST = re.compile(r"[ _-](ref|avg|gnd)\.?$", re.I)
SEX = {"M": "male", "F": "female"}


@dataclass(frozen=True, slots=True)
class Form:
    """What tells EDF and BDF apart: the first eight bytes, and how wide a sample is (little-endian two's complement)."""

    name: str  # of the format
    begins: bytes
    size: int  # bytes a sample, 2 or 3
    plus: bytes  # of the reserved field, where C or D follows
    notes: str  # label of the signals that hold annotations


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal's header; `at` is where it lies in a data record, in samples."""

    label: str
    unit: str
    count: int
    at: int
    scale: Decimal
    origin: Decimal
    filter: str


def text_at(body: bytes, at: int, size: int) -> str:
    """The text of a field, without what fills it up."""
    return body[at : at + size].decode("latin-1").strip("\0 ")


def figure(text: str) -> Decimal | None:
    """A number, with a decimal comma where the recorder's language has one."""
    return number(text.replace(",", "."))


def is_ecg(signal: Signal) -> bool:
    """Whether the label is an ECG's or a lead's."""
    return ECG.match(signal.label) is not None or lead_of(signal.label) in leads.SCP


def signals_of(body: bytes, count: int, form: Form) -> list[Signal] | Fault:
    """Every signal's header; E155 or E158 where one makes no sense."""
    columns: dict[str, list[str]] = {}
    at = 256
    for name, letters in FIELDS:
        columns[name] = [text_at(body, at + letters * n, letters) for n in range(count)]
        at += letters * count
    out: list[Signal] = []
    offset = 0
    for n in range(count):
        low, high, first, last, size = (figure(columns[name][n]) for name in ("low", "high", "first", "last", "count"))
        if size is None or not 0 <= size <= 1_000_000 or size != int(size):
            return bad("E158", "a signal's samples in a record make no sense", f"signal {n + 1}")
        unit = columns["unit"][n].replace("Âµ", "µ")  # UTF-8
        scale, origin = Decimal(0), Decimal(0)
        if unit in TO_UV and columns["label"][n] != form.notes:
            if low is None or high is None or first is None or last is None or first == last or low == high:
                return bad("E155", "a signal's ranges make no sense", f"signal {n + 1}")
            scale = (high - low) / (last - first) * TO_UV[unit]
            origin = low * TO_UV[unit] - first * scale
        out.append(Signal(columns["label"][n], unit, int(size), offset, scale, origin, columns["filter"][n]))
        offset += int(size)
    return out


def lead_of(label: str) -> str:
    """The lead a label names, else the label."""
    bare = NAMED.sub("", label).lstrip(" -_")
    name = leads.canonical(AGAINST.sub("", bare))
    return name if name in leads.SCP else leads.canonical(bare) or label


def start_of(body: bytes) -> datetime | None:
    """Header date and time; the year in full from the recording field, else 1985 to 2084 by the standard's rule."""
    day = re.match(r"^(\d\d)[./-](\d\d)[./-](\d\d)$", text_at(body, 168, 8))
    clock = ":".join(part.zfill(2) for part in re.split("[.:]", text_at(body, 176, 8)))
    full = re.search(r"Startdate (\d\d)-([A-Z]{3})-(\d{4})", text_at(body, 88, 80))
    if full and full.group(2) in MONTHS:
        return times.parts(f"{full.group(3)}-{MONTHS[full.group(2)]:02d}-{full.group(1)}", clock)
    if not day:
        return None
    year = int(day.group(3)) + (1900 if int(day.group(3)) >= 85 else 2000)
    return times.parts(f"{year}-{day.group(2)}-{day.group(1)}", clock)


def patient_of(text: str, plus: bool) -> Patient:
    """The patient field: one text in EDF, words in EDF+."""
    if not plus:
        return Patient(name=text if text.strip("X ") else "")  # EDF+ writes X for what is not known
    code, sex, birth, name, *_ = [*("" if word == "X" else word.replace("_", " ") for word in text.split(" ")), "", "", "", ""]
    day = re.match(r"^(\d\d)-([A-Z]{3})-(\d{4})$", birth)
    iso = times.iso_day(f"{day.group(3)}-{MONTHS.get(day.group(2), 0):02d}-{day.group(1)}") if day else ""
    return Patient(id=code, sex=SEX.get(sex, ""), birth_date=iso, name=name)


def device_of(text: str) -> Device:
    """The recorder, where the recording field of EDF+ names it."""
    words = text.split(" ")
    return Device(model=words[4].replace("_", " ") if text.startswith("Startdate") and len(words) > 4 and words[4] != "X" else "")


def filters_of(text: str) -> Filters:
    """The filters in Hz that the prefiltering field tells."""
    found = {key: number(value) for key, value in re.findall(r"(HP|LP|N):\s*([\d.]+)\s*Hz", text)}
    high, low, notch = (found.get(key) for key in ("HP", "LP", "N"))
    return Filters(float(high) if high else None, float(low) if low else None, float(notch) if notch else None)
