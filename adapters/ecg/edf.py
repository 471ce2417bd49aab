"""EDF and EDF+ (Kemp 1992, 2003): bytes to a Recording.

Signals in volts at the highest rate become leads; others are left out with a warning. The pieces of a discontinuous EDF+ file
stand at their own times with gaps between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.ecg import leads, times
from adapters.ecg.recording import MAX_SAMPLES, Annotation, Device, Filters, Patient, Recording, Samples, bad, checked, physical
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
MARK = re.compile(rb"([+-]\d{1,12}(?:\.\d{1,9})?)(?:\x15(\d{1,12}(?:\.\d{1,9})?))?\x14([^\x00]*)\x14\x00")
NAMED = re.compile(r"^(ECG|EKG)(?![a-z0-9])", re.I)
SEX = {"M": "male", "F": "female"}


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal's header; `at` is where it lies in a data record, in 16-bit samples."""

    label: str
    unit: str
    count: int
    at: int
    scale: Decimal
    origin: Decimal
    filter: str


def looks(body: bytes) -> bool:
    """Whether the bytes begin as EDF does: version 0, and a header length that fits the number of signals."""
    if not body.startswith(b"0       ") or len(body) < 512 or not body[252:256].strip().isdigit():
        return False
    return body[184:192].strip() == str(256 * (1 + int(body[252:256]))).encode()


def read(body: bytes) -> Recording | Fault:
    """Reads an EDF or EDF+ file."""
    if not looks(body):
        return bad("E151", "this is not an EDF file")
    count = int(body[252:256])
    seconds, declared = number(_text(body, 244, 8)), number(_text(body, 236, 8))
    if not 0 < count <= 512 or len(body) < 256 * (1 + count) or seconds is None or seconds <= 0 or declared is None:
        return bad("E158", "the header makes no sense", "EDF header")
    signals = _signals(body, count)
    if isinstance(signals, Fault):
        return signals
    width = sum(signal.count for signal in signals)
    raw = np.frombuffer(body, np.uint8, offset=256 * (1 + count))
    whole = len(raw) // (2 * width) if width else 0
    if not whole or (declared >= 0 and declared > whole):
        return bad("E152", "there are fewer data records than declared", "EDF header")
    records = raw[: 2 * width * whole].view("<i2").reshape(whole, width)
    warnings = ["the file holds more data records than declared"] if 0 <= declared < whole else []
    return _recording(body, signals, records[: int(declared)] if declared > 0 else records, float(seconds), warnings)


def _recording(
    body: bytes, signals: list[Signal], records: NDArray[Any], seconds: float, warnings: list[str]
) -> Recording | Fault:  # fmt: skip
    volts = [signal for signal in signals if signal.unit in TO_UV and signal.count]
    volts = [signal for signal in volts if _is_ecg(signal)] or volts  # beside the brain's, which are sampled faster
    if not volts:
        return bad("E155", "no signal is in volts", "EDF header")
    chosen = [signal for signal in volts if signal.count == max(one.count for one in volts)]
    if len(chosen) < sum(not _is_notes(signal) for signal in signals):
        warnings.append("signals of another unit or a lower rate are left out")
    onsets, marks = _marks(signals, records)
    hertz = chosen[0].count / seconds
    parts = [_microvolts(records[:, one.at : one.at + one.count], one) for one in chosen]
    if sum(part.size for part in parts) > MAX_SAMPLES:
        return bad("E153", "there are more samples than an ECG has")
    samples = (
        _placed(parts, onsets, seconds, hertz, warnings)
        if body[192:197] == b"EDF+D"
        else np.stack([p.reshape(-1) for p in parts])
    )
    if isinstance(samples, Fault):
        return samples
    return checked(
        Recording(
            format="edf", leads=tuple(_lead(signal.label) for signal in chosen), samples=samples, rate=hertz, start=_start(body),
            patient=_patient(_text(body, 8, 80), body[192:196] == b"EDF+"), device=_device(_text(body, 88, 80)),
            filters=_filters(chosen[0].filter), scale=tuple(one.scale for one in chosen), origin=tuple(one.origin for one in chosen),
            annotations=tuple(Annotation(text, round(at * hertz), round((at + span) * hertz) if span else None) for at, span, text in marks),
            warnings=tuple(warnings),
        )
    )  # fmt: skip


def _text(body: bytes, at: int, size: int) -> str:
    return body[at : at + size].decode("latin-1").strip("\0 ")


def _is_notes(signal: Signal) -> bool:
    return signal.label == "EDF Annotations"


def _is_ecg(signal: Signal) -> bool:
    return NAMED.match(signal.label) is not None or _lead(signal.label) in leads.SCP


def _signals(body: bytes, count: int) -> list[Signal] | Fault:
    columns: dict[str, list[str]] = {}
    at = 256
    for name, letters in FIELDS:
        columns[name] = [_text(body, at + letters * n, letters) for n in range(count)]
        at += letters * count
    out: list[Signal] = []
    offset = 0
    for n in range(count):
        low, high, first, last, size = (number(columns[name][n]) for name in ("low", "high", "first", "last", "count"))
        if size is None or not 0 <= size <= 1_000_000 or size != int(size):
            return bad("E158", "a signal's samples in a record make no sense", f"signal {n + 1}")
        unit = columns["unit"][n]
        scale, origin = Decimal(0), Decimal(0)
        if unit in TO_UV and columns["label"][n] != "EDF Annotations":
            if low is None or high is None or first is None or last is None or first == last or low == high:
                return bad("E155", "a signal's ranges make no sense", f"signal {n + 1}")
            scale = (high - low) / (last - first) * TO_UV[unit]
            origin = low * TO_UV[unit] - first * scale
        out.append(Signal(columns["label"][n], unit, int(size), offset, scale, origin, columns["filter"][n]))
        offset += int(size)
    return out


def _microvolts(steps: NDArray[Any], signal: Signal) -> Samples:
    return physical(steps, signal.scale, signal.origin)


def _marks(signals: list[Signal], records: NDArray[Any]) -> tuple[list[float], list[tuple[float, float, str]]]:
    """The onset of every record, and (onset, duration, text) of every annotation, in seconds."""
    onsets: list[float] = []
    marks: list[tuple[float, float, str]] = []
    for signal in [one for one in signals if _is_notes(one)]:
        first = not onsets
        for row in records[:, signal.at : signal.at + signal.count]:
            for index, found in enumerate(MARK.finditer(row.tobytes())):
                at, span, texts = float(found[1]), float(found[2] or 0), found[3].split(b"\x14")
                if first and index == 0:
                    onsets.append(at)
                marks += [(at, span, text.decode("utf-8", "replace")) for text in texts if text]
    return onsets, marks[:100_000]


def _placed(parts: list[Samples], onsets: list[float], seconds: float, hertz: float, warnings: list[str]) -> Samples | Fault:
    """Records at their onsets, NaN between them."""
    count = len(parts[0])
    if len(onsets) != count or any(b < a + seconds - 1e-6 for a, b in pairwise(onsets)):
        return bad("E158", "a discontinuous file without the times of its records", "EDF Annotations")
    length = round((onsets[-1] - onsets[0] + seconds) * hertz)
    if length * len(parts) > min(MAX_SAMPLES, 50 * sum(part.size for part in parts) + 1_000_000):
        return bad("E153", "the gaps between the records are longer than is read", "EDF Annotations")
    out = np.full((len(parts), length), np.nan, np.float32)
    for index, onset in enumerate(onsets):
        begin = round((onset - onsets[0]) * hertz)
        size = min(parts[0].shape[1], length - begin)
        for row, part in zip(out, parts, strict=True):
            row[begin : begin + size] = part[index][:size]
    warnings.append("the recording was interrupted; gaps stand between its pieces")
    return out


def _lead(label: str) -> str:
    return leads.canonical(NAMED.sub("", label).lstrip(" -_")) or label


def _start(body: bytes) -> datetime | None:
    """Header date and time; the year in full from the recording field, else 1985 to 2084 by the standard's rule."""
    day = re.match(r"^(\d\d)\.(\d\d)\.(\d\d)$", _text(body, 168, 8))
    clock = _text(body, 176, 8).replace(".", ":")
    full = re.search(r"Startdate (\d\d)-([A-Z]{3})-(\d{4})", _text(body, 88, 80))
    if full and full.group(2) in MONTHS:
        return times.parts(f"{full.group(3)}-{MONTHS[full.group(2)]:02d}-{full.group(1)}", clock)
    if not day:
        return None
    year = int(day.group(3)) + (1900 if int(day.group(3)) >= 85 else 2000)
    return times.parts(f"{year}-{day.group(2)}-{day.group(1)}", clock)


def _patient(text: str, plus: bool) -> Patient:
    if not plus:
        return Patient(name=text)
    code, sex, birth, name, *_ = [*("" if word == "X" else word.replace("_", " ") for word in text.split(" ")), "", "", "", ""]
    day = re.match(r"^(\d\d)-([A-Z]{3})-(\d{4})$", birth)
    iso = times.iso_day(f"{day.group(3)}-{MONTHS.get(day.group(2), 0):02d}-{day.group(1)}") if day else ""
    return Patient(id=code, sex=SEX.get(sex, ""), birth_date=iso, name=name)


def _device(text: str) -> Device:
    words = text.split(" ")
    return Device(model=words[4].replace("_", " ") if text.startswith("Startdate") and len(words) > 4 and words[4] != "X" else "")


def _filters(text: str) -> Filters:
    found = {key: number(value) for key, value in re.findall(r"(HP|LP|N):\s*([\d.]+)\s*Hz", text)}
    high, low, notch = (found.get(key) for key in ("HP", "LP", "N"))
    return Filters(float(high) if high else None, float(low) if low else None, float(notch) if notch else None)
