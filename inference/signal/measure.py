"""The whole measurement of a recording, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.fault import Fault, Kind
from inference.signal.amplitudes import amplitudes
from inference.signal.beats import detect
from inference.signal.classes import NORMAL, PACED, VENTRICULAR, Classes, classify
from inference.signal.delineate import Waves, delineate
from inference.signal.features import RATE
from inference.signal.filters import band
from inference.signal.globals import Span, spans
from inference.signal.hints import hints
from inference.signal.intervals import COMMON, axes, carried, intervals, per_lead
from inference.signal.median import Median, median_beat, tile
from inference.signal.prepare import Prepared, prepare
from inference.signal.quality import LeadQuality, quality
from inference.signal.rhythm import corrected, rhythm
from inference.signal.spikes import paced
from inference.signal.values import Beat, Measured, Measurement, MedianBeat, Wave

Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]
Mask = NDArray[np.bool_]

NO_BEAT = Fault(Kind.UNSUPPORTED, "E806", "no heart beat was found in the signal", help="look at the tracing and the electrodes")
GAPS = Fault(Kind.INCORRECT, "E807", "parts of the signal are missing and were bridged", help="nothing is measured in the gaps")


def widths(waves: dict[str, Waves], count: int, leads: int) -> Floats:
    """Each beat's QRS duration in ms, the widest lead's but one; NaN when no lead shows it."""
    q = waves["QRS"]
    table = np.full((leads, count), np.nan)
    table[q.lead, q.beat] = (q.offset - q.onset) * 1000.0 / RATE
    table = np.sort(np.where(np.isnan(table), -1.0, table), axis=0)
    widest = table[max(0, leads - 2)] if leads > 2 else table[-1]
    widest = np.where(widest < 0, table[-1], widest)
    return np.where(widest < 0, np.nan, widest)


def heard(p: Prepared, beats: Indexes) -> Indexes:
    """The beats that lie where something was recorded in at least one lead."""
    return beats[~p.missing[:, beats].all(axis=0)] if len(beats) else beats


def measure(samples: object, rate: object, leads: Sequence[str]) -> Measured | Fault:
    """Measures leads [leads, n] in µV at `rate` Hz; never raises. What the signal does not carry is absent."""
    p = prepare(samples, rate, leads)
    if isinstance(p, Fault):
        return p
    usable = np.ptp(p.quiet, axis=1) > 20.0
    beats = heard(p, detect(p.quiet[usable], RATE)) if usable.any() else np.zeros(0, np.int64)
    grades = quality(p, beats)
    good = np.array([g.state in ("good", "fair") for g in grades])
    if not good.any():
        good = np.array([g.state != "off" for g in grades])
    warnings = (GAPS,) if p.missing.any() else ()
    if not len(beats) or not good.any():
        found = hints(p, grades, None, {})
        return Measured(p.rate, p.length, p.leads, p.mains.frequency, quality=grades, hints=found, warnings=(*warnings, NO_BEAT))
    waves = delineate(p.quiet, beats)
    spiked = paced(p.raw, p.rate, beats)
    kinds = classify(p.quiet[good], beats, widths(waves, len(beats), len(p.leads)), spiked)
    return assemble(p, beats, kinds, waves, grades, good, warnings)


def assemble(
    p: Prepared,
    beats: Indexes,
    kinds: Classes,
    waves: dict[str, Waves],
    grades: tuple[LeadQuality, ...],
    good: Mask,
    warnings: tuple[Fault, ...],
) -> Measured:
    """Puts the result together from beats, their classes and their waves."""
    kind = np.array(kinds.kind)
    lead_kind = PACED if (kind == PACED).mean() > 0.5 else NORMAL
    leading = kind == lead_kind if (kind == lead_kind).any() else kind != ""
    median = median_beat(band(p.raw, RATE, 0.05, 150.0, margin=4.0), beats[leading], p.quiet)
    drawn: MedianBeat | None = None
    values: list[Measurement] = []
    at: dict[str, Span] = {}
    trust = float(np.mean([g.score for g, ok in zip(grades, good, strict=True) if ok])) ** 0.25
    values += rhythm(beats / RATE, kind != VENTRICULAR, round(trust, 3))
    if median is not None:
        drawn, at = measure_median(p, median, waves, leading, good)
        values += intervals(at, median.count)
        values += with_rate(values)
        samples = {lead: median.samples[i] for i, lead in enumerate(p.leads) if good[i]}
        values += axes(samples, at)
        values += per_lead(waves, p.leads, good, leading)
        for i, lead in enumerate(p.leads):
            if good[i]:
                values += amplitudes(median.samples[i], at, lead, grades[i].score)
    return Measured(
        p.rate,
        p.length,
        p.leads,
        p.mains.frequency,
        tuple(
            Beat(place(b, p), round(float(b) / RATE, 4), k, round(float(s), 3))
            for b, k, s in zip(beats, kinds.kind, kinds.sure, strict=True)
        ),
        named(waves, p.leads, p.rate / RATE, p.length),
        drawn,
        tuple(values),
        grades,
        hints(p, grades, median, at),
        warnings,
    )


def with_rate(values: list[Measurement]) -> list[Measurement]:
    """The rate-corrected QT intervals, when QT and RR are known."""
    known = {m.name: m for m in values if not m.lead}
    if "QT" not in known or "RR_mean" not in known:
        return []
    return corrected(known["QT"].value, known["RR_mean"].value / 1000.0, known["QT"].sure)


def measure_median(
    p: Prepared, median: Median, waves: dict[str, Waves], leading: Mask, good: Mask
) -> tuple[MedianBeat, dict[str, Span]]:
    """The median beat with its waves, and the boundaries over all leads; a P that few beats show is no P."""
    row, beats = tile(median)
    n = median.samples.shape[1]
    before = n - n // 2
    middle = int(np.flatnonzero(beats == median.at + before)[0])
    moved = {wave: shifted(w.take(w.beat == middle), before) for wave, w in delineate(row, beats).items()}
    if carried(waves["P"], leading, good) < COMMON:
        moved["P"] = moved["P"].take(np.zeros(len(moved["P"].lead), bool))
    at = spans(moved, 0, good)
    samples = dict(zip(p.leads, np.round(median.samples.astype(np.float64), 1).tolist(), strict=True))
    return MedianBeat(RATE, median.at, median.count, samples, named(moved, p.leads, 1.0, n)), at


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
