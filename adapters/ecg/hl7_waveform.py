"""HL7 v2 waveforms: ORU^W01 (CHN and WAV OBX, types CD, NA and MA) and the IHE PCD form (NA with sampling rate and resolution).

Works on the message text with a tiny tokenizer of its own; only MSH, PID, OBR and OBX are looked at. Source: HL7 v2.6 7.14, IHE
PCD TF-2 (WCM).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.ecg import leads, times
from adapters.ecg.recording import MAX_LEADS, Patient, Recording, bad, checked, physical, stacked
from adapters.ecg.xml_tools import TO_UV, number
from engine.fault import Fault

SEX = {"M": "male", "F": "female", "O": "other", "U": "unknown"}
CHARSETS = {"GB 18030": "gb18030", "BIG-5": "big5", "KS X 100": "euc_kr", "ISO IR87": "iso2022_jp"}  # by the first letters
MDC_UNITS = {"266418": "mV", "266419": "uV", "MDC_DIM_MILLI_VOLT": "mV", "MDC_DIM_MICRO_VOLT": "uV"}


MOST = 2_000_000  # samples in one OBX


@dataclass(slots=True)
class Channel:
    """What is known of one channel while the message is read."""

    name: str
    rate: float = 0.0
    scale: Decimal | None = None
    origin: Decimal = Decimal(0)
    values: list[NDArray[Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Marks:
    """The delimiters of MSH-1 and MSH-2."""

    field: str
    component: str
    repeat: str
    escape: str
    sub: str


def looks(body: bytes) -> bool:
    """Whether the bytes are an HL7 message with a numeric array in it."""
    head = body[:4].lstrip(b"\x0b")
    if not head.startswith(b"MSH") or len(body) < 20:
        return False
    mark = body.lstrip(b"\x0b")[3:4]
    return any(mark + kind + mark in body for kind in (b"NA", b"MA"))


def read(body: bytes) -> Recording | Fault:
    """Reads the waveforms of one message; volts only, the first rate only."""
    text = _decoded(body.strip(b"\x0b\x1c\r\n"))
    lines = [line for line in text.replace("\r\n", "\r").replace("\n", "\r").split("\r") if line]
    if not lines or len(lines[0]) < 9 or not lines[0].startswith("MSH"):
        return bad("E151", "this is not an HL7 message")
    marks = Marks(*lines[0][3:8])
    channels: dict[str, Channel] = {}
    order: list[str] = []
    start, patient = None, Patient()
    for line in lines[1:]:
        cells = line.split(marks.field)
        if cells[0] == "PID":
            patient = _patient([*cells, *[""] * 10], marks)
        elif cells[0] == "OBR" and start is None:
            start = times.hl7(([*cells, *[""] * 8])[7])
        elif cells[0] == "OBX" and len(cells) > 5:
            fault = _observation([*cells, *[""] * 16], marks, channels, order)
            if isinstance(fault, Fault):
                return fault
            start = fault or start
    return _recording(list(channels.values()), start, patient)


def _decoded(body: bytes) -> str:
    """UTF-8 where it is, else the character set that MSH-18 names, else Latin-1."""
    named = [*body[:2000].split(b"\r")[0].split(body[3:4]), *[b""] * 18][17].decode("latin-1")
    part = re.match(r"^8859/(\d{1,2})(?!\d)", named)
    for charset in ("utf-8", f"iso8859-{part[1]}" if part else CHARSETS.get(named[:8], "latin-1")):
        try:
            return body.decode(charset)
        except (UnicodeDecodeError, LookupError):
            continue
    return body.decode("latin-1")


def _recording(channels: list[Channel], start: datetime | None, patient: Patient) -> Recording | Fault:
    found = [one for one in channels if one.values and one.scale]
    if not found:
        return bad("E155", "there is no waveform in volts with a resolution", "OBX-5")
    hertz = found[0].rate
    alike = [one for one in found if one.rate == hertz][:MAX_LEADS]
    warnings = ["channels of another rate or unit are left out"] if len(alike) < sum(bool(one.values) for one in channels) else []
    rows = [physical(np.concatenate(one.values), one.scale or 1, one.origin) for one in alike]
    return checked(
        Recording(
            format="hl7v2", leads=tuple(one.name for one in alike), samples=stacked(list(rows), warnings), rate=hertz, start=start,
            patient=patient, scale=tuple(one.scale or Decimal(1) for one in alike), origin=tuple(one.origin for one in alike),
            warnings=tuple(warnings),
        )
    )  # fmt: skip


def _patient(cells: list[str], marks: Marks) -> Patient:
    identifier = cells[3].split(marks.repeat)[0].split(marks.component)
    name = [*cells[5].split(marks.repeat)[0].split(marks.component), ""]
    return Patient(
        id=identifier[0], authority=identifier[3].split(marks.sub)[0] if len(identifier) > 3 else "", family=name[0].split(marks.sub)[0],
        given=name[1], birth_date=times.iso_day(cells[7][:8]), sex=SEX.get(cells[8][:1], ""),
    )  # fmt: skip


def _observation(cells: list[str], marks: Marks, channels: dict[str, Channel], order: list[str]) -> datetime | Fault | None:
    """Takes one OBX in; returns the time it states for the waveform, if it is that."""
    kind, code, sub, value = cells[2], cells[3].split(marks.component), cells[4], cells[5]
    title = code[1] if len(code) > 1 else ""
    if kind in ("TS", "DTM", "DT"):
        return times.hl7(value)
    if kind == "CD":
        for definition in value.split(marks.repeat):
            channel = _defined(definition.split(marks.component), marks)
            channels[channel.name] = channel
            order.append(channel.name)
        return None
    if kind in ("NA", "MA"):
        return _waveform(kind, code, sub, value, marks, channels, order)
    if kind == "NM" and sub:
        owner = next((one for key, one in channels.items() if sub.startswith(key + ".")), None)
        parsed, unit = number(value), cells[6].split(marks.component)
        if owner is None or parsed is None:
            return None
        if title == "MDC_ATTR_SAMP_RATE":
            owner.rate = float(parsed)
        elif title == "MDC_ATTR_NU_MSMT_RES":
            owner.scale = _volts(parsed, unit)
    return None


def _volts(value: Decimal | None, unit: list[str]) -> Decimal | None:
    names = [MDC_UNITS.get(word, word) for word in unit]
    known = next((TO_UV[name] for name in names if name in TO_UV), None)
    return value * known if value and known else None


def _defined(parts: list[str], marks: Marks) -> Channel:
    """A channel definition (CD): identifier, source, sensitivity and unit, calibration, rate."""
    parts = [*parts, *[""] * 6]
    identifier, sensitivity, calibration = (parts[n].split(marks.sub) for n in (0, 2, 3))
    source = parts[1].replace(marks.sub, "-").strip("-")
    name = identifier[1] if len(identifier) > 1 and identifier[1] else source or identifier[0]
    factor = number(calibration[0]) or Decimal(1)
    scale = _volts((number(sensitivity[0]) or Decimal(0)) * factor, sensitivity[1:])
    base = number(calibration[1]) if len(calibration) > 1 else None
    rate = number(parts[4].split(marks.sub)[0])
    return Channel(leads.canonical(name), float(rate or 0), scale, (base or Decimal(0)) * (scale or Decimal(0)))


def _waveform(
    kind: str, code: list[str], sub: str, value: str, marks: Marks, channels: dict[str, Channel], order: list[str]
) -> Fault | None:  # fmt: skip
    """Numbers of the next defined channel, of all channels (MA), or of a channel that its own code names (IHE)."""
    if value.count(marks.component) + value.count(marks.repeat) > MOST:
        return bad("E153", "there are more samples than an ECG has", "OBX-5")
    rows = [row.split(marks.component) for row in value.split(marks.repeat) if row]
    try:
        if kind == "MA":
            table = np.array([[np.nan if cell in ("", '""') else float(cell) for cell in row] for row in rows])
            for name, column in zip(order, table.T, strict=True):
                channels[name].values.append(column)
            return None
        numbers = np.array([np.nan if cell in ("", '""') else float(cell) for row in rows for cell in row])
    except ValueError:
        return bad("E156", "a waveform is not numbers, or has not as many columns as channels", "OBX-5")
    if len(channels) > MAX_LEADS:
        return bad("E153", "there are more channels than an ECG has", "OBX-5")
    waiting = [name for name in order if not channels[name].values]
    if order:
        target = channels[waiting[0]] if waiting else channels[order[-1]]
    else:
        known = leads.by_mdc(int(code[0])) if code[0].isdigit() and len(code[0]) < 10 else None
        target = channels.setdefault(sub, Channel(known or leads.canonical(code[1] if len(code) > 1 else code[0])))
    target.values.append(numbers)
    return None
