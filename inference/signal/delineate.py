"""Delineation: onset, peak and offset of every P wave, QRS complex and T wave in every lead.

The network gives each sample a probability of belonging to a wave; runs of samples become waves, waves are given to beats, and a
boundary is placed where the probability mass on that side of the wave says, which is finer than a sample and has less scatter
than a threshold. All positions here are samples at 500 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.signal.features import RATE, features, scale
from inference.signal.net import CLASSES, MULTIPLE, probabilities

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]

WAVES = ("P", "QRS", "T")
CHUNK = 20 * MULTIPLE * 16  # samples worked on at once
OVERLAP = 1024  # samples shared by neighbouring chunks
LEAST = {"P": 14.0, "QRS": 9.0, "T": 22.0}  # samples of probability mass that make a wave
MERGE = {"P": 12, "QRS": 14, "T": 25}  # gaps in samples that do not part a wave
REACH = 60  # samples outside a run in which its flanks are looked for


@dataclass(frozen=True, slots=True)
class Waves:
    """The waves of one kind in a recording, as columns: one row a wave. `beat` is −1 for a wave that belongs to no beat."""

    lead: Indexes
    beat: Indexes
    onset: Floats
    peak: Indexes
    offset: Floats
    sure: Floats  # mean probability inside, 0..1

    def take(self, which: Indexes | NDArray[np.bool_]) -> Waves:
        """The rows told."""
        rows = (self.lead, self.beat, self.onset, self.peak, self.offset, self.sure)
        return Waves(*(row[which] for row in rows))  # type: ignore[arg-type]


def chances(x: Array) -> Array:
    """Probabilities [leads, 4, n] of leads [leads, n] at 500 Hz, baseline removed; long recordings are worked in pieces."""
    n = x.shape[-1]
    size = scale(x)
    if n <= CHUNK:
        return probabilities(features(x, size))
    out = np.empty((len(x), len(CLASSES), n), np.float32)
    step = CHUNK - 2 * OVERLAP
    for first in range(0, n, step):
        start, stop = max(0, first - OVERLAP), min(n, first + step + OVERLAP)
        part = probabilities(features(x[:, start:stop], size))
        out[:, :, first : first + step] = part[:, :, first - start : first - start + step]
    return out


def runs(mask: NDArray[np.bool_], merge: int) -> tuple[Indexes, Indexes, Indexes]:
    """(row, start, stop) of the runs of True in mask [rows, n], gaps up to `merge` closed."""
    rows, n = mask.shape
    edges = np.zeros((rows, n + 2), np.bool_)
    edges[:, 1:-1] = mask
    flat = edges.ravel()  # every row begins and ends with False, so no run goes on in the next
    row, change = np.divmod(np.flatnonzero(flat[1:] != flat[:-1]), n + 2)
    row, start, stop = row[::2], change[::2], change[1::2]
    if len(start) > 1:
        parted = np.r_[True, (row[1:] != row[:-1]) | (start[1:] - stop[:-1] > merge)]
        last = np.r_[parted[1:], True]
        row, start, stop = row[parted], start[parted], stop[last]
    return row, start, stop


def likeliest(chance: Array, kind: int, most: Array) -> NDArray[np.bool_]:
    """Where [leads, n] a class is the likeliest one, the first of equals; `most` is the largest of [leads, 4, n]."""
    mask = chance[:, kind] == most
    for before in range(kind):
        mask &= chance[:, before] != most
    return np.asarray(mask)


def find(chance: Array, most: Array, x: Array, wave: str) -> Waves:
    """All waves of one kind, not yet given to beats, from probabilities [leads, 4, n], their largest and the leads [leads, n]."""
    kind = CLASSES.index(wave)
    p = chance[:, kind]
    lead, start, stop = runs(likeliest(chance, kind, most), MERGE[wave])
    n = p.shape[1]
    mass = np.zeros((p.shape[0], n + 1))
    np.cumsum(p, axis=1, dtype=np.float64, out=mass[:, 1:])
    inside = mass[lead, stop] - mass[lead, start]
    good = inside >= LEAST[wave]
    lead, start, stop, inside = lead[good], start[good], stop[good], inside[good]
    middle = (start + stop) // 2
    lower, upper = np.maximum(start - REACH, 0), np.minimum(stop + REACH, n)
    same_before = np.r_[False, lead[1:] == lead[:-1]] if len(lead) else np.zeros(0, bool)
    before = np.r_[0, stop[:-1]] if len(lead) else stop
    after = np.r_[start[1:], n] if len(lead) else start
    lower = np.where(same_before, np.maximum(lower, before), lower)
    upper = np.where(np.r_[same_before[1:], False] if len(lead) else same_before, np.minimum(upper, after), upper)
    onset = middle - (mass[lead, middle] - mass[lead, lower])
    offset = middle + (mass[lead, upper] - mass[lead, middle]) - 1.0
    sure = inside / np.maximum(stop - start, 1)
    peak = tops(x, lead, onset, offset)
    return Waves(lead.astype(np.int64), np.full(len(lead), -1, np.int64), onset, peak, offset, sure)


def tops(x: Array, lead: Indexes, onset: Floats, offset: Floats) -> Indexes:
    """Where each wave is farthest from the line between its ends."""
    n = x.shape[1]
    first, last = np.clip(np.round(onset), 0, n - 1).astype(np.int64), np.clip(np.round(offset), 0, n - 1).astype(np.int64)
    if not len(lead):
        return first
    along = np.arange(int(max(1, (last - first).max() + 1)))
    at = np.minimum(first[:, None] + along, last[:, None])
    value = x[lead[:, None], at]
    share = np.minimum(along / np.maximum(last - first, 1)[:, None], 1.0)
    line = value[:, :1] * (1 - share) + x[lead, last][:, None] * share
    peak: Indexes = first + np.abs(value - line).argmax(axis=1)
    return np.minimum(peak, last)


def heights(x: Array, w: Waves) -> Floats:
    """How far each wave rises above the line between its ends, µV."""
    n = x.shape[1]
    first, last = (np.clip(np.round(v), 0, n - 1).astype(np.int64) for v in (w.onset, w.offset))
    share = (w.peak - first) / np.maximum(last - first, 1)
    line = x[w.lead, first] * (1 - share) + x[w.lead, last] * share
    return np.asarray(np.abs(x[w.lead, w.peak] - line), np.float64)


def best(waves: Waves, beat: Indexes, allowed: NDArray[np.bool_], weight: Floats) -> Waves:
    """Gives waves to beats: of those allowed, the weightiest a lead and beat; the others keep no beat."""
    key = waves.lead * (1 + (beat.max() if len(beat) else 0)) + beat
    order = np.lexsort((-weight, key, ~allowed))
    order = order[allowed[order]]
    first = order[np.r_[True, key[order][1:] != key[order][:-1]]] if len(order) else order
    given = np.full(len(beat), -1, np.int64)
    given[first] = beat[first]
    return Waves(waves.lead, given, waves.onset, waves.peak, waves.offset, waves.sure)


def assign(found: dict[str, Waves], beats: Indexes) -> dict[str, Waves]:
    """Gives the waves to beats (samples at 500 Hz): one P, QRS and T a beat and lead at most.

    A QRS stays only where a beat is; a T lies between its beat and the next; a P before its beat, and stays without a beat when
    it is not conducted.
    """
    if not len(beats):
        none = np.zeros(0, np.int64)
        return {wave: found[wave].take(none) for wave in WAVES}
    q, t, p = found["QRS"], found["T"], found["P"]
    middle = (q.onset + q.offset) / 2
    nearest = np.abs(middle[:, None] - beats).argmin(axis=1) if len(beats) < 64 else near(middle, beats)
    away = np.where((q.onset <= beats[nearest]) & (q.offset >= beats[nearest]), 0.0, np.abs(middle - beats[nearest]))
    q = best(q, nearest, away < 0.12 * RATE, q.offset - q.onset - away)
    q = q.take(q.beat >= 0)
    middle = (t.onset + t.offset) / 2
    before = np.searchsorted(beats, middle) - 1
    since = middle - beats[np.maximum(before, 0)]
    t = best(
        t, np.maximum(before, 0), (before >= 0) & (since > 0.06 * RATE) & (since < 0.75 * RATE), (t.offset - t.onset) * t.sure
    )
    t = t.take(t.beat >= 0)
    middle = (p.onset + p.offset) / 2
    after = np.searchsorted(beats, middle)
    ahead = beats[np.minimum(after, len(beats) - 1)] - middle
    p = best(p, np.minimum(after, len(beats) - 1), (after < len(beats)) & (ahead > 0.03 * RATE) & (ahead < 0.45 * RATE), -ahead)
    return {"P": p, "QRS": q, "T": t}


def near(middle: Floats, beats: Indexes) -> Indexes:
    """The nearest beat of each position."""
    right = np.clip(np.searchsorted(beats, middle), 1, max(1, len(beats) - 1))
    left = right - 1
    right = np.minimum(right, len(beats) - 1)
    closer = np.abs(beats[left] - middle) <= np.abs(beats[right] - middle)
    return np.where(closer, left, right).astype(np.int64)


def delineate(x: Array, beats: Indexes) -> dict[str, Waves]:
    """The waves of leads [leads, n] in µV at 500 Hz, baseline removed, about `beats`."""
    chance = chances(x)
    most = chance.max(axis=1)
    return assign({wave: find(chance, most, x, wave) for wave in WAVES}, beats)
