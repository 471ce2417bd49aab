"""The signal lines of a WFDB header (header(5) of the WFDB Applications Guide)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from adapters.ecg import wfdb_signal
from adapters.ecg.recording import bad
from adapters.ecg.xml_tools import TO_UV, number
from engine.fault import Fault, Kind

GAIN = re.compile(r"^([-+\d.eE]+)(?:\((-?\d+)(?:\.0*)?\))?(?:/(\S+))?$")
NOWHERE = "~"
FORMAT = re.compile(r"^(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?$")


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal line of a header."""

    file: str
    format: int
    frame: int  # samples a frame
    skew: int
    offset: int  # bytes before the first sample; of FLAC, samples of each signal
    gain: Decimal
    baseline: int
    unit: str
    name: str
    checksum: int | None


def microvolts_a_step(signal: Signal) -> Decimal:
    """µV of one stored step; the signal's unit is one of volts."""
    return TO_UV[signal.unit] / signal.gain


def signals(rows: list[str], count: int) -> list[Signal] | Fault:
    """The signals of so many lines that are in a file; E152, E155 or E157 where one is missing or cannot be read."""
    if not 0 < count <= 256 or len(rows) < count:
        return bad("E152", "there are fewer signals than declared, or none")
    out: list[Signal] = []
    for index, row in enumerate(rows[:count]):
        one = signal(row)
        if one is None:
            return bad("E155", "a signal line cannot be read", f"signal {index + 1}")
        if one.file == NOWHERE or not one.format:
            continue
        if one.format not in wfdb_signal.BITS:
            at, help = f"signal {index + 1}", "write it in format 16 or 212 (`xform` of WFDB)"
            return Fault(Kind.UNSUPPORTED, "E157", "a signal's format is not read", at, help)
        out.append(one)
    return out


def base(name: str) -> str:
    """A file's name without its folders."""
    return name.replace("\\", "/").rpartition("/")[2]


def signal(row: str) -> Signal | None:
    """One line, or None when it is no signal's."""
    words = row.split(None, 8)
    shape = FORMAT.match(words[1]) if len(words) > 1 else None
    gained = GAIN.match(words[2]) if len(words) > 2 else GAIN.match("200")
    if shape is None or gained is None:
        return None
    gain = number(gained.group(1))
    integers = [number(word) for word in words[3:8]] + [None] * 5
    zero = int(integers[1] or 0)
    unit = gained.group(3) or "mV"
    frame, skew, offset = (int(shape.group(n)) if shape.group(n) and len(shape.group(n)) < 10 else None for n in (2, 3, 4))
    if gain is None or not 0 < (1 if frame is None else frame) <= 64:
        return None
    return Signal(
        words[0], int(shape.group(1)[:6]), frame or 1, skew or 0, offset or 0, gain if gain else Decimal(200),
        int(gained.group(2)) if gained.group(2) else zero, unit, words[8].strip() if len(words) > 8 else "",
        int(integers[3]) if integers[3] is not None and len(words) > 6 else None,
    )  # fmt: skip
