"""DICOM 12-lead, general and ambulatory ECG (PS3.3 A.34, C.10.9): bytes to a Recording.

Value in channel units = raw × sensitivity × correction factor + baseline. The first multiplex group is the rhythm; groups that
belong to it by rate are merged at their time offset, a derived or median group is the representative beat.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.ecg import dicom_data, leads, times
from adapters.ecg.dicom_data import Set
from adapters.ecg.measures import measurement
from adapters.ecg.recording import (
    Annotation,
    Device,
    Filters,
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
)  # fmt: skip
from adapters.ecg.xml_tools import TO_UV, number
from engine.fault import Fault

KINDS = {
    ("SS", 16): "<i2", ("US", 16): "<u2", ("SB", 8): "i1", ("UB", 8): "u1", ("SL", 32): "<i4", ("UL", 32): "<u4", ("SV", 64): "<i8",
}  # fmt: skip
FOREIGN = "signals of another unit are left out"
NAMES = {
    "pr interval": "pr", "qrs duration": "qrs", "qt interval": "qt", "qtc interval": "qtc", "p axis": "p_axis",
    "qrs axis": "qrs_axis", "t axis": "t_axis", "rr interval": "rr", "ventricular heart rate": "heart_rate", "ventricular rate": "heart_rate",
    "heart rate": "heart_rate", "atrial heart rate": "atrial_rate", "p duration": "p_duration",
}  # fmt: skip
SEX = {"M": "male", "F": "female", "O": "other"}
Row = tuple[str, Samples, Decimal, Decimal]


def read(body: bytes) -> Recording | Fault:
    """Reads a DICOM waveform object."""
    data = dicom_data.parse(body)
    if isinstance(data, Fault):
        return data
    warnings: list[str] = []
    groups = list(data.each(0x54000100))
    rhythm = [group for group in groups if not _is_median(group)] or groups
    if not rhythm:
        return bad("E152", "there is no waveform", "WaveformSequence")
    hertz = _rate(rhythm[0])
    rows: list[Row] = []
    for group in rhythm:
        if _rate(group) != hertz:
            warnings.append("a group of leads has another rate and is left out")
            continue
        part = _rows(group, warnings)
        if isinstance(part, Fault):
            return part
        fresh = _placed(part, rows, _late(group, rhythm[0], hertz), warnings)
        rows = [row for row in rows if all(row[0] != one[0] for one in fresh)] + fresh
    if not rows:
        return bad("E155", "no channel is in volts", "WaveformSequence")
    beat = next((group for group in groups if _is_median(group) and group not in rhythm), None)
    charset = dicom_data.charset_of(data)
    numbers, statements, marks = _annotations(data, charset)
    return checked(
        Recording(
            format="dicom", leads=tuple(row[0] for row in rows), samples=stacked([row[1] for row in rows], warnings), rate=hertz,
            scale=tuple(row[2] for row in rows), origin=tuple(row[3] for row in rows), start=_start(data),
            patient=_patient(data, charset), device=_device(data, charset), filters=_filters(rhythm[0]), measurements=numbers,
            statements=statements, annotations=marks, median=_median(beat), order=data.text(0x00080050, charset),
            warnings=tuple(warnings),
        )
    )  # fmt: skip


def _is_median(group: Set) -> bool:
    label = group.text(0x003A0020).upper()
    return "MEDIAN" in label or "REPRESENT" in label or (group.text(0x003A0004) == "DERIVED" and "RHYTHM" not in label)


def _rate(group: Set) -> float:
    found = number(group.text(0x003A001A))
    return float(found) if found is not None else 0.0


def _late(group: Set, first: Set, hertz: float) -> int:
    """Samples by which a group begins after the first, from the multiplex group time offsets in ms."""
    offsets = [number(one.text(0x00181068)) or Decimal(0) for one in (group, first)]
    return round(float(offsets[0] - offsets[1]) * hertz / 1000)


def _placed(part: list[Row], rows: list[Row], late: int, warnings: list[str]) -> list[Row]:
    """A group's leads that are not there yet or only shorter (a strip below a page by columns), shifted by its offset."""
    known = {row[0]: int(np.isfinite(row[1]).sum()) for row in rows}
    fresh = [row for row in part if len(row[1]) > known.get(row[0], 0)]
    if not fresh or not 0 < late <= 16 * len(fresh[0][1]):
        return fresh
    warnings.append("leads were not recorded at the same time; gaps stand where one was not")
    gap = np.full(late, np.nan, np.float32)
    return [(name, np.concatenate([gap, row]), scale, origin) for name, row, scale, origin in fresh]


def _rows(group: Set, warnings: list[str]) -> list[Row] | Fault:
    """The leads of one multiplex group."""
    channels, samples = group.number(0x003A0005), group.number(0x003A0010)
    kind = KINDS.get((group.text(0x54001006), group.number(0x54001004)))
    definitions = list(group.each(0x003A0200))
    if kind is None:
        return bad("E157", "the sample interpretation is not read", "WaveformSampleInterpretation")
    raw = np.frombuffer(group.values.get(0x54001010, b""), np.uint8)
    size = np.dtype(kind).itemsize
    if not 0 < channels <= 256 or len(definitions) != channels or len(raw) < channels * samples * size or not samples:
        return bad("E152", "there are not as many channels or samples as declared", "WaveformSequence")
    steps = raw[: channels * samples * size].view(kind).reshape(samples, channels)
    missing = _missing(group.values.get(0x5400100A, b""), np.dtype(kind))
    out: list[Row] = []
    for index, definition in enumerate(definitions):
        unit = definition.first(0x003A0211).text(0x00080100)
        if unit and unit not in TO_UV:
            warnings += [] if FOREIGN in warnings else [FOREIGN]
            continue
        scaled = _scale(definition)
        if scaled is None:
            return bad("E155", "a channel has no sensitivity in volts", f"channel {index + 1}")
        values = physical(steps[:, index], *scaled)
        if missing is not None and (gaps := steps[:, index] == missing).any():
            values[gaps] = np.nan
            note = "the file marks some samples as missing"
            warnings += [] if note in warnings else [note]
        name = _lead(definition.first(0x003A0208)) or leads.canonical(definition.text(0x003A0203))
        out.append((name, values, *scaled))
    return out


def _missing(padding: bytes, kind: np.dtype[Any]) -> int | None:
    """The value of missing samples, believed only at the end of the range: some writers state 0, which real samples have."""
    if len(padding) < kind.itemsize:
        return None
    value, bounds = int(np.frombuffer(padding[: kind.itemsize], kind)[0]), np.iinfo(kind)
    return value if value in (bounds.min, bounds.max, bounds.min + 1) else None


def _scale(channel: Set) -> tuple[Decimal, Decimal] | None:
    """µV a step, and µV of zero."""
    unit = TO_UV.get(channel.first(0x003A0211).text(0x00080100))
    step, factor = number(channel.text(0x003A0210)), number(channel.text(0x003A0212) or "1")
    base = number(channel.text(0x003A0213) or "0")
    if unit is None or step is None or factor is None or base is None or not step * factor:
        return None
    return step * factor * unit, base * unit


def _lead(code: Set) -> str:
    """A lead's name from its SCPECG (5.6.3-9-n) or MDC (2:n) code, else from its meaning."""
    value = code.text(0x00080100)
    match = re.match(r"^(?:5\.6\.3-9-|2:)(\d{1,5})", value)
    return leads.BY_SCP.get(int(match.group(1)), value) if match else leads.canonical(code.text(0x00080104).split("(")[0])


def _median(group: Set | None) -> Median | None:
    rows = _rows(group, []) if group is not None else []
    if isinstance(rows, Fault) or not rows or group is None or _rate(group) <= 0:
        return None
    return Median(tuple(row[0] for row in rows), stacked([row[1] for row in rows], []), _rate(group))


def _annotations(data: Set, charset: str) -> tuple[tuple[Measurement, ...], tuple[Statement, ...], tuple[Annotation, ...]]:
    numbers: dict[str, Measurement] = {}
    said: list[Statement] = []
    marks: list[Annotation] = []
    for one in data.each(0x0040B020):
        title = one.first(0x0040A043).text(0x00080104, charset)
        text = one.values.get(0x00700006, b"").decode(charset, "replace").strip("\0 ")
        places: NDArray[Any] = np.frombuffer(one.values.get(0x0040A132, b"")[: 4 * 64], "<u4")
        name, value = NAMES.get(title.lower()), number(one.text(0x0040A30A))
        if name and value is not None and not len(places):
            seconds = one.first(0x004008EA).text(0x00080100) == "s"
            numbers.setdefault(name, measurement(name, value * 1000 if seconds else value)[0])
        elif text and not len(places):
            said.append(Statement(text))
        elif len(places) and (title or text):
            marks.append(Annotation(title or text, int(places[0]) - 1, int(places[1]) - 1 if len(places) > 1 else None))
    return tuple(numbers.values()), tuple(said), tuple(marks)


def _start(data: Set) -> datetime | None:
    zone = data.text(0x00080201)
    found = times.hl7(data.text(0x0008002A))
    for day, clock in ((0x00080022, 0x00080032), (0x00080023, 0x00080033), (0x00080020, 0x00080030)):
        found = found or times.hl7(data.text(day) + data.text(clock))
    if found is not None and found.tzinfo is None and zone:
        return times.hl7(f"{found:%Y%m%d%H%M%S}.{found.microsecond:06d}{zone}") or found
    return found


def _patient(data: Set, charset: str) -> Patient:
    family, given, *_ = [*data.text(0x00100010, charset).split("=")[0].split("^"), ""]
    age = re.match(r"^(\d{3})([YMWD])$", data.text(0x00101010))
    return Patient(
        id=data.text(0x00100020, charset), authority=data.text(0x00100021, charset), family=family.strip(), given=given.strip(),
        birth_date=times.iso_day(data.text(0x00100030)), sex=SEX.get(data.text(0x00100040), ""),
        age=f"{int(age.group(1))} " + {"Y": "a", "M": "mo", "W": "wk", "D": "d"}[age.group(2)] if age else "",
    )  # fmt: skip


def _device(data: Set, charset: str) -> Device:
    return Device(*(data.text(tag, charset) for tag in (0x00080070, 0x00081090, 0x00181000, 0x00181020)))


def _filters(group: Set) -> Filters:
    channel = group.first(0x003A0200)
    high, low, notch = (number(channel.text(tag)) for tag in (0x003A0220, 0x003A0221, 0x003A0222))
    return Filters(float(high) if high else None, float(low) if low else None, float(notch) if notch else None)
