"""Beat classes: normal (of the leading kind), ventricular, paced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from inference.signal.features import RATE

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]

NORMAL, VENTRICULAR, PACED = "normal", "ventricular", "paced"
WEIGHTS = (-0.929, -8.344, 3.97, -1.139, -0.394, -1.558, 3.333, 0.809, 0.607, 21.259, -5.289, -0.698, -5.928)
BIAS = 2.274
ENOUGH = 0.7  # log odds over which a beat is called ventricular
BEFORE, AFTER, EVERY = 50, 90, 4  # samples at 500 Hz of a beat's shape, and how many of them are looked at


@dataclass(frozen=True, slots=True)
class Classes:
    """The class of each beat, and how sure it is (0..1)."""

    kind: tuple[str, ...]
    sure: Floats


def shapes(x: Array, beats: Indexes) -> Array:
    """Each beat's complex over all leads, mean removed [beats, leads · samples]."""
    at = np.clip(beats[:, None] + np.arange(-BEFORE, AFTER, EVERY), 0, x.shape[1] - 1)
    shape = x[:, at].transpose(1, 0, 2)
    shape = shape - shape.mean(axis=2, keepdims=True)
    return np.ascontiguousarray(shape.reshape(len(beats), -1))


def leading(shape: Array, width: Floats) -> tuple[Array, NDArray[np.bool_]]:
    """The shape of the leading kind of beat and which beats are of it: the largest family, among large ones the narrower."""
    some = np.linspace(0, len(shape) - 1, min(len(shape), 250)).astype(np.int64)
    unit = shape / (np.linalg.norm(shape, axis=1, keepdims=True) + 1e-9)
    alike = unit[some] @ unit[some].T > 0.85
    left = np.ones(len(some), bool)
    families: list[NDArray[np.bool_]] = []
    for _ in range(3):
        count = (alike & left).sum(axis=1) * left
        seed = int(count.argmax())
        members = alike[seed] & left
        if count[seed] < 0.2 * len(some) and families:
            break
        families.append(members)
        left &= ~members
        if not left.any():
            break
    narrow = [float(np.nanmedian(width[some[m]])) if np.isfinite(width[some[m]]).any() else 1e3 for m in families]
    sizes = [int(m.sum()) for m in families]
    chosen = min(range(len(families)), key=lambda i: narrow[i] - (0.0 if sizes[i] > 0.5 * sizes[0] else -1e6) - 0.02 * sizes[i])
    template = np.median(shape[some[families[chosen]]], axis=0)
    near = unit @ (template / (np.linalg.norm(template) + 1e-9))
    return template, near > 0.85


def signs(x: Array, beats: Indexes, width: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The numbers a beat is judged by [beats, features], and which beats are of the leading kind. `width` in ms, NaN unknown."""
    shape = shapes(x, beats)
    template, same = leading(shape, width)
    size, whole = np.linalg.norm(shape, axis=1), np.linalg.norm(template) + 1e-9
    like = (shape @ template) / (size * whole + 1e-9)
    rr = np.diff(beats) / RATE
    usual = running(rr)
    before, after = np.r_[1.0, rr / usual], np.r_[rr / usual, 1.0]
    usual_width = float(np.nanmedian(width[same])) if np.isfinite(width[same]).any() else 95.0
    wide = np.nan_to_num(width, nan=usual_width)
    features = np.stack(
        [
            np.clip(like, -1, 1),
            np.clip(like, 0.6, 1.0) ** 4,
            np.clip(wide - usual_width, -60, 100) / 50.0,
            np.clip(wide - 110.0, -40, 80) / 50.0,
            np.clip(np.log(size / whole + 1e-3), -1.5, 1.5),
            np.clip(before, 0.3, 1.5),
            np.clip(after, 0.5, 2.0),
            np.clip(after - before, -0.8, 1.0),
            np.clip(1 - like, 0, 1) * np.clip(wide - usual_width, 0, 80) / 50.0,
            np.clip(1 - like, 0, 0.5) * np.clip(1 - before, -0.2, 0.5),
            np.clip(1 - like, 0, 0.5) * np.clip(after - before, -0.3, 1.0),
            np.log(kin(shape)),
            np.clip(1 - like, 0, 1) ** 0.5,
        ],
        axis=1,
    )
    return features, same


def classify(x: Array, beats: Indexes, width: Floats, paced: NDArray[np.bool_]) -> Classes:
    """The classes of `beats` in leads [leads, n] at 500 Hz; `width` of each QRS in ms (NaN unknown); `paced` tells spikes before it."""
    if len(beats) < 3:
        return Classes(tuple(PACED if p else NORMAL for p in paced), np.full(len(beats), 0.5))
    features, same = signs(x, beats, width)
    odds = features @ np.array(WEIGHTS) + BIAS
    if paced[same].mean() >= 0.5:
        paced = paced | same  # a spike that noise hides is told by the shape it causes
    ventricular = (odds > ENOUGH) & ~same & ~paced
    sure = 1.0 / (1.0 + np.exp(-np.abs(np.where(same, np.minimum(odds, -1.0), odds) - ENOUGH)))
    kind = np.where(paced, PACED, np.where(ventricular, VENTRICULAR, NORMAL))
    return Classes(tuple(str(k) for k in kind), np.where(paced, 0.9, sure))


def kin(shape: Array) -> Floats:
    """The share of all beats that look like each beat, itself included."""
    unit = shape / (np.linalg.norm(shape, axis=1, keepdims=True) + 1e-9)
    some = unit[np.linspace(0, len(shape) - 1, min(len(shape), 250)).astype(np.int64)]
    share: Floats = ((unit @ some.T > 0.85).sum(axis=1) + 1.0) / (len(some) + 1.0)
    return share


def running(rr: Floats, size: int = 21) -> Floats:
    """The running median of RR intervals."""
    smooth: Floats = median_filter(rr, size=size, mode="nearest")
    return smooth
