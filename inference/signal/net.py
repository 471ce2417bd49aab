"""A small convolutional network that tells, 500 times a second, whether a lead shows P, QRS, T or none of them.

A U-Net over 125, 62, 31 and 16 Hz with sums instead of concatenations (Ronneberger et al., MICCAI 2015; for the ECG Moskalenko et
al., 2020), batch norms folded into the weights. Its weights are made by train_delineator.py from the Lobachevsky University
Electrocardiography Database (Kalyakulina et al., IEEE Access 8:186181, 2020; ODC-By 1.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.signal.graph import network

Array = NDArray[np.float32]
Weights = Mapping[str, Array]

FOLD = 4  # samples side by side in one step of the first layer
DEPTH = 4
MULTIPLE = FOLD * 2 ** (DEPTH - 1)
AT_ONCE = 12  # leads in one pass
CLASSES = ("none", "P", "QRS", "T")


@cache
def weights() -> Weights:
    """The shipped weights, read once."""
    with (files("inference.signal") / "delineator.npz").open("rb") as file, np.load(file) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


@cache
def session() -> Any:
    """The network, ready to compute on one thread; shared by all threads."""
    import onnxruntime  # noqa: PLC0415  a tenth of a second, for those only who measure

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        network(weights(), FOLD, DEPTH, len(CLASSES)), options, providers=["CPUExecutionProvider"]
    )


def probabilities(x: Array) -> Array:
    """Probabilities [leads, 4, n] of features [leads, 4, n], for any n and any number of leads, a few at a time."""
    n = x.shape[-1]
    short = -n % MULTIPLE
    if short:
        x = np.pad(x, ((0, 0), (0, 0), (0, short)), mode="edge")
    run = session().run
    parts = [run(None, {"x": x[first : first + AT_ONCE]})[0] for first in range(0, len(x), AT_ONCE)]
    return (parts[0] if len(parts) == 1 else np.concatenate(parts))[..., :n]
