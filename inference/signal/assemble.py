"""Puts the result together: from beats, classes and waves at 500 Hz to measurements in the recording's own samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.fault import Fault
from inference.signal.amplitudes import amplitudes
from inference.signal.classes import NORMAL, PACED, VENTRICULAR, Classes
from inference.signal.delineate import Waves, delineate, heights
from inference.signal.features import RATE
from inference.signal.filters import DIAGNOSTIC, band
from inference.signal.globals import Span, spans
from inference.signal.hints import hints
from inference.signal.intervals import axes, intervals, per_lead
from inference.signal.median import Median, median_beat, tile
from inference.signal.prepare import Prepared
from inference.signal.presence import COMMON, carried
from inference.signal.quality import LeadQuality
from inference.signal.rhythm import corrected, rhythm, whole_intervals
from inference.signal.values import Beat, Episode, Hint, Measured, Measurement, MedianBeat, Wave

Array = NDArray[np.float32]
Indexes = NDArray[np.int64]
Mask = NDArray[np.bool_]
WANDER = 80.0  # µV RMS below 0.5 Hz: from here on a steady baseline is worth more to intervals, and to ST, than the slowest waves
LEAST = 8.0  # µV: a wave of the median beat that rises less is noise
MOVED = ", wandering below 0.5 Hz taken off"
Hole = tuple[str, int, int]  # kind, first and last sample at 500 Hz


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a prepared recording; `good` tells the leads that are worth measuring."""

    p: Prepared
    beats: Indexes
    kinds: Classes | None
    waves: dict[str, Waves]
    grades: tuple[LeadQuality, ...]
    good: Mask
    holes: tuple[Hole, ...]

    def bare(self, found: tuple[Hint, ...], warnings: tuple[Fault, ...]) -> Measured:
        """The result as far as it goes without beats."""
        p = self.p
        holes = tuple(Episode(kind, place(first, p), place(last, p)) for kind, first, last in self.holes)
        mains = p.mains.frequency
        return Measured(p.rate, p.length, p.leads, mains, episodes=holes, quality=self.grades, hints=found, warnings=warnings)


def assemble(found: Found, warnings: tuple[Fault, ...], tables: bool = True) -> Measured:
    """The result of a recording that has beats; without `tables` the values alone, not where each wave stands."""
    p, beats, kinds = found.p, found.beats, found.kinds
    kind = np.array(kinds.kind if kinds is not None else [], dtype=object)
    sure = kinds.sure if kinds is not None else np.zeros(0)
    lead_kind = PACED if (kind == PACED).mean() > 0.5 else NORMAL
    leading = np.asarray(kind == lead_kind) if (kind == lead_kind).any() else np.ones(len(kind), np.bool_)
    values = measure_rhythm(found, np.asarray(kind != VENTRICULAR))
    median = median_beat(steady(found), beats[leading], p.quiet)
    drawn: MedianBeat | None = None
    at: dict[str, Span] = {}
    if median is not None:
        moved, at = measure_median(found, median, leading)
        drawn = shown(median, moved, p.leads) if tables else None
        values += measure_waves(found, median, at, leading, {m.name: m.value for m in values})
    rows = zip(beats, kind, sure, strict=True)
    return replace(
        found.bare(hints(p, found.grades, median, at), warnings),
        beats=tuple(Beat(place(b, p), round(float(b) / RATE, 4), str(k), round(float(s), 3)) for b, k, s in rows),
        waves=named(found.waves, p.leads, p.rate / RATE, p.length) if tables else {},
        median=drawn,
        measurements=tuple(values),
    )


def wandering(found: Found) -> Mask:
    """The leads whose baseline wanders so much that their median beat would go with it."""
    return np.array([grade.wander > WANDER for grade in found.grades])


def steady(found: Found) -> Array:
    """The leads that the median beat is made of: 0.05 to 150 Hz; where the baseline wanders, all below 0.5 Hz taken off, without phase."""
    x, moved = band(found.p.raw, RATE, *DIAGNOSTIC, margin=4.0), wandering(found)
    x[moved] = found.p.quiet[moved]
    return x


def measure_rhythm(found: Found, normal: Mask) -> list[Measurement]:
    """Rate and RR statistics; as sure as the good leads are good."""
    trust = float(np.mean([g.score for g, ok in zip(found.grades, found.good, strict=True) if ok])) ** 0.25
    times = found.beats / RATE
    whole = whole_intervals(times, [(first / RATE, last / RATE) for _, first, last in found.holes])
    return rhythm(times, normal, whole, round(trust, 3))


def measure_median(found: Found, median: Median, leading: Mask) -> tuple[dict[str, Waves], dict[str, Span]]:
    """The median beat's waves, and the boundaries over all leads; a P that few beats show is no P."""
    row, beats = tile(median)
    n = median.samples.shape[1]
    before = n - n // 2
    middle = int(np.flatnonzero(beats == median.at + before)[0])
    carry = {wave: w.take((w.beat == middle) & (heights(row, w) >= LEAST)) for wave, w in delineate(row, beats).items()}
    moved = {wave: shifted(w, before) for wave, w in carry.items()}
    if carried(found.waves["P"], leading, found.good) < COMMON:
        moved["P"] = moved["P"].take(np.zeros(len(moved["P"].lead), np.bool_))
    return moved, spans(moved, 0, found.good)


def shown(median: Median, waves: dict[str, Waves], leads: tuple[str, ...]) -> MedianBeat:
    """The median beat as it is told."""
    samples = dict(zip(leads, np.round(median.samples.astype(np.float64), 1).tolist(), strict=True))
    return MedianBeat(RATE, median.at, median.count, samples, named(waves, leads, 1.0, median.samples.shape[1]))


def measure_waves(found: Found, median: Median, at: dict[str, Span], leading: Mask, known: dict[str, float]) -> list[Measurement]:
    """Intervals, axes, amplitudes: over all leads, then lead by lead."""
    p = found.p
    values = intervals(at, median.count)
    qt = next((m for m in values if m.name == "QT"), None)
    if qt is not None and "RR_mean" in known:
        values += corrected(qt.value, known["RR_mean"] / 1000.0, qt.sure)
    values += axes({lead: median.samples[i] for i, lead in enumerate(p.leads) if found.good[i]}, at)
    values += per_lead(found.waves, p.leads, found.good, leading)
    moved = wandering(found)
    for i in np.flatnonzero(found.good).tolist():
        how = MOVED if moved[i] else ""
        values += [
            replace(one, method=one.method + how) for one in amplitudes(median.samples[i], at, p.leads[i], found.grades[i].score)
        ]
    return values


def shifted(w: Waves, by: int) -> Waves:
    """The waves of one beat, `by` samples earlier, as the only beat there is."""
    return Waves(w.lead, np.zeros_like(w.beat), w.onset - by, w.peak - by, w.offset - by, w.sure)


def place(at: float, p: Prepared) -> int:
    """A sample at 500 Hz as a sample of the recording."""
    return min(max(round(float(at) * p.rate / RATE), 0), p.length - 1)


def named(waves: dict[str, Waves], leads: tuple[str, ...], factor: float, length: int) -> dict[str, tuple[Wave, ...]]:
    """Waves by lead name, in order of time, as samples at `factor` × 500 Hz."""
    table: dict[str, list[Wave]] = {lead: [] for lead in leads}
    for wave, w in waves.items():
        first, top, last = (
            np.clip(np.round(v * factor), 0, length - 1).astype(int).tolist() for v in (w.onset, w.peak, w.offset)
        )
        rows = zip(w.lead.tolist(), first, top, last, w.beat.tolist(), np.round(w.sure, 3).tolist(), strict=True)
        for lead, onset, peak, offset, beat, sure in rows:
            table[leads[lead]].append(Wave(wave, onset, peak, offset, beat, sure))
    return {lead: tuple(sorted(found, key=lambda w: w.onset)) for lead, found in table.items()}
