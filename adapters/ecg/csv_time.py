"""Times in the first column of a tracing, as ISO 8601 writes them or without their day: the rate, the start and the gaps they tell.

Clocks cut what they write, to milliseconds mostly, so a rate is the number of rows between two changes of the time, over all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.ecg import times
from adapters.ecg.recording import MAX_SAMPLES, Samples, bad
from engine.fault import Fault

STAMP = r"'?(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d?:\d\d:\d\d)(?:[.%s](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?'?(?=\s*[%s])"
NO_DAY, DAY = "2000-01-01", 86_400 * 10**9
UNEVEN = 20  # one leap in so many steps: such times are not the samples'


@dataclass(frozen=True, slots=True)
class Stamps:
    """What the times say; `missing` holds how many samples are missing before a row, by row."""

    start: datetime | None
    rate: float  # Hz; 0 where the times do not tell
    missing: tuple[tuple[int, int], ...] = ()
    warning: str = ""


def pattern(mark: str) -> re.Pattern[str]:
    """A time at the beginning of a row whose cells are divided by the mark."""
    return re.compile(STAMP % ("," if mark in "\t;" else "", mark))


def hidden(line: str) -> str:
    """The row with a number for its time."""
    return re.sub(STAMP % ("", ",;\t "), "0", line, count=1) if line[4:5] == "-" or ":" in line[1:4] else line


def stamped(lines: list[str], mark: str, top: int) -> tuple[list[str], Stamps | None] | Fault:
    """The rows with their number in the place of their time, and what the times say; None where rows begin with none.

    The first time is looked for in `top` rows. E156 tells the line of a time that is none, or is before the one above it.
    """
    form = pattern(mark)
    found = [(n, form.match(line)) for n, line in enumerate(lines[:top])]
    first = next((n for (n, one), (_, two) in pairwise(found) if one and two), -1)
    if first < 0:
        return lines, None
    rows, at, texts, zones = lines[:first], list[int](), list[str](), list[str]()
    for n, line in enumerate(lines[first:], first):
        match = form.match(line)
        if match is None and line.strip(mark + " "):
            return bad("E156", "a row begins with no time, as the first one does", f"line {n + 1}")
        rows.append(f"{len(at)}{line[match.end() :]}" if match else line)
        if match:
            day, clock, fraction, zone = match.groups()
            at.append(n + 1)
            texts.append(f"{day or NO_DAY}T{clock.zfill(8)}.{fraction or '0'}")
            zones.append(zone or "")
    offsets = {zone: _offset(zone) for zone in set(zones)}
    try:
        ticks = np.array(texts, "datetime64[ns]").astype(np.int64)
    except ValueError:
        wrong = next(n for n, text in zip(at, texts, strict=True) if times.iso(text) is None)
        return bad("E156", "a time is none", f"line {wrong}")
    wrong = next((n for n, zone in zip(at, zones, strict=True) if offsets[zone] is None), 0)
    if wrong:
        return bad("E156", "a time's zone is none", f"line {wrong}")
    ticks -= np.array([offsets[zone] for zone in zones], np.int64)
    timeless = texts[0].startswith(NO_DAY)
    if timeless:  # clocks that tell no day begin again at midnight
        ticks[1:] += DAY * np.cumsum(np.diff(ticks) < -DAY // 2)
    back = np.flatnonzero(np.diff(ticks) < 0)
    if len(back):
        return bad(
            "E156", "a time is before the one above it", f"line {at[back[0] + 1]}", "rows stand in the order of their times"
        )
    return rows, paced(
        ticks, None if timeless else times.iso(texts[0] + zones[0]), 10 ** (9 - max(len(text) - 20 for text in texts))
    )


def placed(samples: Samples, stamps: Stamps) -> Samples | Fault:
    """The samples [leads, length] with NaN where nothing was recorded."""
    length = samples.shape[1] + sum(count for _, count in stamps.missing)
    if length * len(samples) > min(MAX_SAMPLES, 50 * samples.size + 1_000_000):
        return bad("E153", "the gaps between the times are longer than is read")
    out = np.full((len(samples), length), np.nan, np.float32)
    shift = begin = 0
    for row, count in (*stamps.missing, (samples.shape[1], 0)):
        out[:, begin + shift : row + shift] = samples[:, begin:row]
        begin, shift = row, shift + count
    return out


def _offset(zone: str) -> int | None:
    """Nanoseconds before UTC."""
    known = times.iso("2000-01-01T00:00:00" + zone)
    offset = known.utcoffset() if known else None
    return None if known is None else round(offset.total_seconds() * 1e9) if offset else 0


def paced(ticks: NDArray[np.int64], start: datetime | None, fine: int) -> Stamps:
    """What times in ns say: the rate between changes of the time, and where it leaps; `fine` is the last digit's worth in ns."""
    changes = np.flatnonzero(np.diff(ticks)) + 1
    if len(changes) < 2:
        return Stamps(start, 0.0)
    rows, spans = np.diff(changes), np.diff(ticks[changes])
    usual = spans <= 1.5 * np.median(spans) + fine
    even = int((~usual).sum()) * UNEVEN <= len(spans) + UNEVEN
    usual = usual if even else np.ones_like(usual)
    rate = _round(rows[usual].sum(), spans[usual].sum(), fine)
    if not even:
        return Stamps(start, rate, warning="the times are uneven; one rate is assumed")
    missing = [(int(changes[n + 1]), round(float(spans[n]) * rate / 1e9) - int(rows[n])) for n in np.flatnonzero(~usual)]
    leaps = tuple((row, count) for row, count in missing if count > 0)
    return Stamps(start, rate, leaps, "the times leap; gaps stand where nothing was recorded" if leaps else "")


def _round(rows: Any, span: Any, fine: int) -> float:
    """Hz; the whole number where the times are not fine enough to tell it from one."""
    rate = float(rows) / float(span) * 1e9
    near = abs(rate - round(rate)) <= rate * (fine + 1) / float(span)
    return float(round(rate)) if near and rate >= 1 else round(rate, 6)
