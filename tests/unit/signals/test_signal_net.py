"""The network as ONNX Runtime computes it, against its definition written out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.signal.net import AT_ONCE, CLASSES, DEPTH, FOLD, probabilities, weights

Array = NDArray[np.float64]


def convolved(x: Array, layer: str, relu: bool = True) -> Array:
    """out[o, t] = Σ w[o, i, k] · x[i, t + k − K // 2] + b[o]."""
    w, b = weights()[f"{layer}w"].astype(np.float64), weights()[f"{layer}b"].astype(np.float64)
    out = np.array(
        [sum(np.correlate(np.pad(row, len(taps) // 2), taps, "valid") for row, taps in zip(x, one, strict=True)) for one in w]
    )
    out += b[:, None]
    return np.maximum(out, 0.0) if relu else out


def defined(x: Array) -> Array:
    """Probabilities [4, n] of one lead's features [4, n]."""
    y = np.concatenate([[row[part::FOLD] for part in range(FOLD)] for row in x])
    levels = []
    for level in range(DEPTH):
        y = y.reshape(len(y), -1, 2).max(axis=2) if level else y
        y = convolved(convolved(y, f"down{level}0"), f"down{level}1")
        levels.append(y)
    for level in reversed(range(DEPTH - 1)):
        y = convolved(np.repeat(convolved(y, f"join{level}", relu=False), 2, axis=1) + levels[level], f"up{level}")
    y = convolved(y, "head", relu=False)
    odds = np.exp([y[FOLD * kind : FOLD * (kind + 1)].T.ravel() for kind in range(len(CLASSES))])
    return odds / odds.sum(axis=0)


def test_the_network_computes_what_its_definition_says() -> None:
    x = np.random.default_rng(5).normal(0, 1, (2, 4, 160)).astype(np.float32)
    assert np.abs(probabilities(x) - [defined(lead) for lead in x.astype(np.float64)]).max() < 1e-4


def test_any_length_and_any_number_of_leads_is_worked() -> None:
    x = np.random.default_rng(6).normal(0, 1, (AT_ONCE + 3, 4, 77)).astype(np.float32)
    found = probabilities(x)
    assert found.shape == (AT_ONCE + 3, 4, 77)
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-5
    assert np.abs(found[-1] - probabilities(x[-1:])[0]).max() < 1e-5
