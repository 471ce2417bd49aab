"""The whole measurement of a recording, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.fault import Fault, Kind
from inference.signal.assemble import Found, Hole, assemble
from inference.signal.beats import detect
from inference.signal.classes import classify
from inference.signal.delineate import Waves, delineate, runs
from inference.signal.features import RATE
from inference.signal.flutter import episodes, outside
from inference.signal.hints import hints
from inference.signal.prepare import Prepared, prepare
from inference.signal.presence import where_common
from inference.signal.quality import quality
from inference.signal.spikes import paced
from inference.signal.values import Measured

Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]

NO_BEAT = Fault(Kind.UNSUPPORTED, "E806", "no heart beat was found in the signal", help="look at the tracing and the electrodes")
GAPS = Fault(Kind.INCORRECT, "E807", "parts of the signal are missing and were bridged", help="nothing is measured in the gaps")
FLUTTER, SILENT = "ventricular flutter or fibrillation", "not recorded"
HEARD = 20.0  # µV peak to peak of a lead that is worth listening to


def widths(waves: dict[str, Waves], count: int, leads: int) -> Floats:
    """Each beat's QRS duration in ms, the widest lead's but one; NaN when no lead shows it."""
    q = waves["QRS"]
    table = np.full((leads, count), -1.0)
    table[q.lead, q.beat] = (q.offset - q.onset) * 1000.0 / RATE
    table.sort(axis=0)
    widest = table[leads - 2] if leads > 2 else table[-1]
    widest = np.where(widest < 0, table[-1], widest)
    return np.where(widest < 0, np.nan, widest)


def silent(p: Prepared) -> list[tuple[int, int]]:
    """The stretches of 200 ms and more in which no lead was recorded, samples at 500 Hz."""
    if not p.missing.any():
        return []
    _, start, stop = runs(np.all(p.missing, axis=0, keepdims=True), 0)
    return [(int(a), int(b) - 1) for a, b in zip(start, stop, strict=True) if b - a >= 0.2 * RATE]


def listen(p: Prepared) -> tuple[Indexes, tuple[Hole, ...]]:
    """The beats of a recording (samples at 500 Hz), and the stretches in which there are none to count."""
    usable = p.quiet[np.ptp(p.quiet, axis=1) > HEARD]
    gaps = silent(p)
    if not len(usable):
        return np.zeros(0, np.int64), tuple((SILENT, *gap) for gap in gaps)
    flutter = episodes(usable, RATE)
    holes = [*((FLUTTER, *one) for one in flutter), *((SILENT, *gap) for gap in gaps)]
    return outside(detect(usable, RATE), flutter + gaps), tuple(sorted(holes, key=lambda hole: hole[1]))


def measure(samples: object, rate: object, leads: Sequence[str], tables: bool = True) -> Measured | Fault:
    """Measures leads [leads, n] in µV at `rate` Hz; never raises. What the signal does not carry is absent.

    Without `tables` the values are told, but not where the waves of each beat and the median beat stand.
    """
    p = prepare(samples, rate, leads)
    if isinstance(p, Fault):
        return p
    beats, holes = listen(p)
    grades = quality(p, beats)
    good = np.array([g.state in ("good", "fair") for g in grades])
    if not good.any():
        good = np.array([g.state != "off" for g in grades])
    warnings = (GAPS,) if p.missing.any() else ()
    if not len(beats) or not good.any():
        none = Found(p, np.zeros(0, np.int64), None, {}, grades, good, holes)
        return none.bare(hints(p, grades, None, {}), (*warnings, NO_BEAT))
    waves = delineate(p.quiet, beats)
    waves["P"] = where_common(waves["P"], beats, good)
    spiked = paced(p.raw, p.rate, beats)
    kinds = classify(p.quiet[good], beats, widths(waves, len(beats), len(p.leads)), spiked)
    return assemble(Found(p, beats, kinds, waves, grades, good, holes), warnings, tables)
