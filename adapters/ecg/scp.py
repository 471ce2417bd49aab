"""SCP-ECG (EN 1064:2005, ISO 11073-91064): bytes to a Recording.

Rhythm data raw or Huffman coded, as samples, first or second differences, with or without reference beat subtraction and
bimodal compression. Amplitudes are whole multiples of the AVM (nV).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from adapters.ecg import scp_huffman, scp_notes
from adapters.ecg.leads import BY_SCP
from adapters.ecg.recording import Median, Recording, bad, checked, physical, stacked
from adapters.ecg.scp_huffman import Steps
from adapters.ecg.scp_sections import sections
from engine.fault import Fault, Kind

MOST_CODED = 3_000_000  # samples of all leads together that are Huffman coded
MOST_LEADS = 85


@dataclass(frozen=True, slots=True)
class Layout:
    """Sections 2 to 4: leads as (number, first, last sample from 1), subtraction zones and protected zones, one a beat."""

    leads: list[tuple[int, int, int]]
    tables: list[scp_huffman.Table] | None
    subtracted: bool = False
    beat_ms: int = 0
    fiducial: int = 0
    zones: list[tuple[int, int, int, int]] = field(default_factory=list)  # type, first, fiducial, last
    guarded: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Block:
    """A decoded section 5 or 6: step in nV, interval in µs, bimodal flag, whole numbers of each lead."""

    avm: int
    interval: int
    bimodal: bool
    rows: list[Steps]


def read(body: bytes) -> Recording | Fault:
    """Reads an SCP-ECG record."""
    warnings: list[str] = []
    parts = sections(body, warnings)
    if isinstance(parts, Fault):
        return parts
    if 12 in parts and 6 not in parts:  # ISO 11073-91064:2020
        text, help = (
            "the rhythm is a long recording of SCP-ECG's third version, which is not read",
            "export it as EDF, or the resting ECG",
        )
        return Fault(Kind.UNSUPPORTED, "E157", text, "section 12", help)
    layout = _layout(parts)
    if isinstance(layout, Fault):
        return layout
    beat = _block(parts.get(5, b""), layout, 5) if 5 in parts else None
    if isinstance(beat, Fault):
        if layout.subtracted:
            return beat
        warnings.append("the reference beat cannot be read")
        beat = None
    rhythm = _block(parts.get(6, b""), layout, 6, beat)
    if isinstance(rhythm, Fault):
        return rhythm
    whole = _whole(rhythm, beat, layout)
    if isinstance(whole, Fault):
        return whole
    scale = Decimal(whole.avm) / 1000
    names = tuple(BY_SCP.get(number, f"SCP {number}") for number, _, _ in layout.leads)
    late = [first for _, first, _ in layout.leads]
    rows = [
        np.concatenate([np.full(n - min(late), np.nan), physical(row, scale)]) for n, row in zip(late, whole.rows, strict=True)
    ]
    noted = scp_notes.found(parts, warnings)
    return checked(
        Recording(
            format="scp", leads=names, samples=stacked(rows, warnings), rate=1e6 / whole.interval,
            scale=(scale,) * len(names), origin=(Decimal(0),) * len(names), median=_median(beat, names),
            warnings=tuple(warnings), **noted,
        )
    )  # fmt: skip


def _layout(parts: dict[int, bytes]) -> Layout | Fault:
    leads, locations = parts.get(3, b""), parts.get(4, b"")
    count = leads[0] if leads else 0
    if not 0 < count <= MOST_LEADS or len(leads) < 2 + 9 * count:
        return bad("E152", "there are no leads, or more than their section holds", "section 3")
    rows = [struct.unpack_from("<IIB", leads, 2 + 9 * index) for index in range(count)]
    found = [(number, first, last) for first, last, number in rows]
    if any(not 0 < first <= last for _, first, last in found) or max(last for _, _, last in found) * count > 4 * MOST_CODED:
        return bad("E152", "a lead's first and last sample make no sense", "section 3")
    tables = scp_huffman.tables(parts[2]) if 2 in parts else None
    if isinstance(tables, str):
        return bad("E157", tables, "section 2")
    if len(locations) < 6:
        return Layout(found, tables, bool(leads[1] & 1))
    length, fiducial, beats = struct.unpack_from("<HHH", locations)
    if 6 + 14 * beats > len(locations):
        return bad("E158", "the beats reach beyond their section", "section 4")
    zones = [struct.unpack_from("<HIII", locations, 6 + 14 * index) for index in range(beats)]
    at = 6 + 14 * beats
    guarded = [struct.unpack_from("<II", locations, at + 8 * i) for i in range(beats)] if at + 8 * beats <= len(locations) else []
    return Layout(found, tables, bool(leads[1] & 1), length, fiducial, zones, guarded)


def _block(data: bytes, layout: Layout, number: int, beat: Block | None = None) -> Block | Fault:
    """Decodes section 5 or 6."""
    place, count = f"section {number}", len(layout.leads)
    if len(data) < 6 + 2 * count:
        return bad("E152", "there are no samples", place)
    avm, interval, differences, flag = struct.unpack_from("<HHBB", data)
    sizes = struct.unpack_from(f"<{count}H", data, 6)
    if not avm or not interval or differences > 2 or 6 + 2 * count + sum(sizes) > len(data):
        return bad("E158", "step, interval, difference or lengths make no sense", place)
    bimodal = bool(flag) and number == 6
    factor = interval // beat.interval if bimodal and beat else 1
    rows: list[Steps] = []
    at = 6 + 2 * count
    wanted = [_expected(layout, lead, number, interval, factor) for lead in layout.leads]
    if sum(wanted) > MOST_CODED:
        return bad("E153", "there are more samples than are read", place)
    for expected, size in zip(wanted, sizes, strict=True):
        row = _row(data[at : at + size], expected, differences, layout.tables)
        if row is None:
            return bad("E152", "there are fewer samples than declared", place)
        rows.append(row)
        at += size
    return Block(avm, interval, bimodal, rows)


def _expected(layout: Layout, lead: tuple[int, int, int], number: int, interval: int, factor: int) -> int:
    """Values stored for a lead."""
    if number == 5:
        return layout.beat_ms * 1000 // interval
    _, first, last = lead
    if factor < 2:
        return last - first + 1
    kept, loose = _spans(layout, first, last)
    return sum(b - a for a, b in kept) + sum(-(-(b - a) // factor) for a, b in loose)


def _row(data: bytes, count: int, differences: int, tables: list[scp_huffman.Table] | None) -> Steps | None:
    if tables is None:
        values = np.frombuffer(data[: 2 * count], "<i2").astype(np.int64) if len(data) >= 2 * count else None
    else:
        values = scp_huffman.decoded(data, count, tables) if count <= 8 * len(data) else None
    if values is None or differences == 0:
        return values
    if differences == 1:
        return np.cumsum(values)
    slopes = np.concatenate([[0], np.cumsum(np.concatenate([values[1:2] - values[:1], values[2:]]))])
    return values[:1] + np.cumsum(slopes) if len(values) > 1 else values


def _spans(layout: Layout, first: int, last: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Half-open sample ranges of a lead (from 0) inside protected zones, and between them."""
    kept: list[tuple[int, int]] = []
    loose: list[tuple[int, int]] = []
    at = 0
    for begin, end in sorted(layout.guarded):
        a, b = max(begin - first, at), min(end, last) - first + 1
        if b > a:
            if a > at:
                loose.append((at, a))
            kept.append((a, b))
            at = b
    if at < last - first + 1:
        loose.append((at, last - first + 1))
    return kept, loose


def _whole(rhythm: Block, beat: Block | None, layout: Layout) -> Block | Fault:
    """The rhythm at its full rate, with the reference beat put back where it was taken out."""
    factor = rhythm.interval // beat.interval if rhythm.bimodal and beat else 1
    rows, interval = rhythm.rows, rhythm.interval
    if rhythm.bimodal and (beat is None or not layout.guarded or factor > 8 or (factor > 1 and interval % beat.interval)):
        return bad("E157", "bimodal data without protected zones, or at a rate that does not fit", "section 6")
    if factor > 1:
        rows = [_spread(row, layout, lead, factor) for row, lead in zip(rows, layout.leads, strict=True)]
        interval //= factor
    if not layout.subtracted:
        return Block(rhythm.avm, interval, False, rows)
    if beat is None or beat.interval != interval:
        return bad("E157", "the reference beat is missing or has another rate", "section 5")
    step = math.gcd(rhythm.avm, beat.avm)
    out = []
    for row, (_, first, last), mean in zip(rows, layout.leads, beat.rows, strict=True):
        full, shape = row * (rhythm.avm // step), mean * (beat.avm // step)
        for kind, begin, fiducial, end in layout.zones:
            lag = fiducial - layout.fiducial  # sample of the rhythm where the beat's sample 0 would lie
            a, b = max(begin, first, lag + 1), min(end, last, lag + len(shape))
            if kind == 0 and b >= a:
                full[a - first : b - first + 1] += shape[a - lag - 1 : b - lag]
        out.append(full)
    return Block(step, interval, False, out)


def _spread(row: Steps, layout: Layout, lead: tuple[int, int, int], factor: int) -> Steps:
    """Means of `factor` samples between protected zones become samples on the lines that join their middles."""
    _, first, last = lead
    kept, loose = _spans(layout, first, last)
    out = np.zeros(last - first + 1, np.int64)
    at = 0
    for a, b, full in sorted([(a, b, True) for a, b in kept] + [(a, b, False) for a, b in loose]):
        size = b - a if full else -(-(b - a) // factor)
        part = row[at : at + size]
        middles = np.arange(size) * factor + (factor - 1) / 2
        out[a:b] = part if full else np.rint(np.interp(np.arange(b - a), middles, part)).astype(np.int64)
        at += size
    return out


def _median(beat: Block | None, names: tuple[str, ...]) -> Median | None:
    if beat is None or not len(beat.rows[0]):
        return None
    scale = Decimal(beat.avm) / 1000
    return Median(names, stacked([physical(row, scale) for row in beat.rows], []), 1e6 / beat.interval)
