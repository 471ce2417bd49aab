"""WFDB records of several segments: a master header names records that follow one another, `~` stands for a pause.

In a record of variable layout the first segment is of length 0 and names all signals there are; a segment holds some of them. What
a segment does not hold, and every pause, is a gap. Source: header(5) of the WFDB Applications Guide, multi-segment records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from adapters.ecg.recording import MAX_SAMPLES, Recording, bad
from engine.fault import Fault

MOST = 10_000  # segments
PAUSE = "~"
Reader = Callable[[bytes, Mapping[str, bytes]], "Recording | Fault"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A line of a master header: a record's name and its length in samples a signal."""

    name: str
    length: int


def segments(rows: list[str], count: int) -> list[Segment] | Fault:
    """The segments that the lines behind a master header's first one name."""
    if not 0 < count <= MOST or len(rows) < count:
        return bad("E152", "there are fewer segments than declared, or none", "line 1")
    out: list[Segment] = []
    for number, row in enumerate(rows[:count], 2):
        words = row.split()
        if len(words) < 2 or not words[1].isdigit() or len(words[1]) > 12:
            return bad("E152", "a segment has no length", f"line {number}")
        out.append(Segment(words[0], int(words[1])))
    return out


def joined(parts: list[Segment], leads: tuple[str, ...], files: Mapping[str, bytes], read: Reader) -> Recording | Fault:
    """One recording of all segments, read by `read`; `leads` are those of the layout, none where it is fixed."""
    pieces: list[tuple[int, int, Recording]] = []
    known = list(leads)
    at = 0
    for part in parts:
        if part.name != PAUSE and part.length:
            one = _piece(part, files, read)
            if isinstance(one, Fault):
                return one
            if pieces and one.rate != pieces[0][2].rate:
                return bad("E154", "the segments differ in rate", part.name[:40])
            pieces.append((at, part.length, one))
            known += [lead for lead in one.leads if lead not in known]
        at += part.length
        if at * max(1, len(known)) > MAX_SAMPLES:
            return bad("E153", "there are more samples than an ECG has")
    if not pieces:
        return bad("E152", "there is no segment with samples", "WFDB header")
    samples = np.full((len(known), at), np.nan, np.float32)
    for begin, length, one in pieces:
        for lead, row in zip(one.leads, one.samples[:, :length], strict=True):
            samples[known.index(lead), begin : begin + len(row)] = row
    scales = _steps(known, [one for _, _, one in pieces])
    warnings = tuple(dict.fromkeys(warning for _, _, one in pieces for warning in one.warnings))
    gap = bool(np.isnan(samples).any())
    return Recording(
        format="wfdb", leads=tuple(known), samples=samples, rate=pieces[0][2].rate, start=pieces[0][2].start, scale=scales,
        origin=(Decimal(0),) * len(scales), warnings=(*warnings, *(("the record has gaps between or within its segments",) if gap else ())),
    )  # fmt: skip


def _piece(part: Segment, files: Mapping[str, bytes], read: Reader) -> Recording | Fault:
    header = files.get(f"{part.name}.hea")
    if header is None:
        return bad("E159", "a segment's header is missing", part.name[:40], "send the headers and signal files of all segments")
    return read(header, files)


def _steps(leads: list[str], pieces: list[Recording]) -> tuple[Decimal, ...]:
    """µV a step of each lead; none when a lead's differ between segments or are not known."""
    found: dict[str, set[Decimal]] = {lead: set() for lead in leads}
    for one in pieces:
        for lead, step in zip(one.leads, one.scale, strict=False):
            found[lead].add(step)
    return tuple(next(iter(steps)) for steps in found.values()) if all(len(steps) == 1 for steps in found.values()) else ()
