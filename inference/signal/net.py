"""A small convolutional network in numpy that tells, 500 times a second, whether a lead shows P, QRS, T or none of them.

A U-Net over 125, 62, 31 and 16 Hz with sums instead of concatenations (Ronneberger et al., MICCAI 2015; for the ECG Moskalenko et
al., 2020), batch norms folded into the weights. Its weights are made by train_delineator.py from the Lobachevsky University
Electrocardiography Database (Kalyakulina et al., IEEE Access 8:186181, 2020; ODC-By 1.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Array = NDArray[np.float32]
Weights = Mapping[str, Array]

FOLD = 4  # samples side by side in one step of the first layer
DEPTH = 4
MULTIPLE = FOLD * 2 ** (DEPTH - 1)
CLASSES = ("none", "P", "QRS", "T")


@cache
def weights() -> Weights:
    """The shipped weights, read once."""
    with (files("inference.signal") / "delineator.npz").open("rb") as file, np.load(file) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def convolve(x: Array, w: Array, b: Array, relu: bool = True) -> Array:
    """Same-size convolution of x [batch, in, n] with w [out, in, k]."""
    batch, channels, n = x.shape
    out, _, k = w.shape
    if k == 1:
        columns = x
    else:
        padded = np.zeros((batch, channels, n + k - 1), np.float32)
        padded[:, :, k // 2 : k // 2 + n] = x
        s = padded.strides
        windows = as_strided(padded, (batch, channels, k, n), (s[0], s[1], s[2], s[2]), writeable=False)
        columns = windows.reshape(batch, channels * k, n)
    y: Array = np.matmul(w.reshape(out, -1), columns)
    y += b[:, None]
    return np.maximum(y, 0.0, out=y) if relu else y


def forward(x: Array, w: Weights) -> Array:
    """Probabilities [leads, 4, n] of features [leads, 4, n]; n is a multiple of 32."""
    leads, channels, n = x.shape
    y = x.reshape(leads, channels, n // FOLD, FOLD).transpose(0, 1, 3, 2).reshape(leads, channels * FOLD, n // FOLD)
    levels = []
    for level in range(DEPTH):
        if level:
            y = np.maximum(y[..., ::2], y[..., 1::2])
        for half in (0, 1):
            y = convolve(y, w[f"down{level}{half}w"], w[f"down{level}{half}b"])
        levels.append(y)
    for level in reversed(range(DEPTH - 1)):
        y = np.repeat(convolve(y, w[f"join{level}w"], w[f"join{level}b"], relu=False), 2, axis=-1)
        y += levels[level]
        y = convolve(y, w[f"up{level}w"], w[f"up{level}b"])
    y = convolve(y, w["headw"], w["headb"], relu=False)
    logits: Array = y.reshape(leads, len(CLASSES), FOLD, n // FOLD).transpose(0, 1, 3, 2).reshape(leads, len(CLASSES), n)
    logits = np.exp(logits - logits.max(axis=1, keepdims=True))
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def probabilities(x: Array, w: Weights | None = None) -> Array:
    """As `forward`, for any n and any number of leads, four leads at a time to stay in the cache."""
    n = x.shape[-1]
    short = -n % MULTIPLE
    if short:
        x = np.pad(x, ((0, 0), (0, 0), (0, short)), mode="edge")
    known = weights() if w is None else w
    parts = [forward(x[first : first + 4], known)[..., :n] for first in range(0, len(x), 4)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
