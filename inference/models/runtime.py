"""A shipped model at work: ONNX Runtime computes the graph, the weights come from the checked safetensors file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.fault import Fault, Kind
from inference.models.manifest import Stored
from inference.models.weights import read_arrays

Array = npt.NDArray[np.float32]
MAX_GRAPH = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model."""

    stored: Stored
    session: Any

    def logits(self, x: Array) -> tuple[Array, Array]:
        """[B, leads, time] mV at 100 Hz → (logits [B, labels], embedding [B, width])."""
        logits, embedding = self.session.run(None, {"signal": np.ascontiguousarray(x, np.float32)})
        return logits, embedding

    def all(self, x: Array, batch: int = 32) -> Array:
        """Logits [n, labels] of [n, leads, time], always in the same batches: the figures are the same on every run."""
        return np.concatenate([self.logits(x[at : at + batch])[0] for at in range(0, len(x), batch)])

    def probabilities(self, logits: Array) -> npt.NDArray[np.float64]:
        """Calibrated probabilities [B, labels]."""
        return calibrated(logits, self.stored.entry.slope, self.stored.entry.offset, self.stored.entry.kind)


def _names(graph: bytes, name: str) -> bool:
    """Whether the graph has an initializer of this name (TensorProto field 8): the exporter keeps one of two equal tensors."""
    return len(name) < 128 and b"\x42" + bytes([len(name)]) + name.encode() in graph


def calibrated(logits: npt.ArrayLike, slope: npt.ArrayLike, offset: npt.ArrayLike, kind: str) -> npt.NDArray[np.float64]:
    """Platt's scaling: a slope and an offset per label, then a sigmoid each or a softmax over all."""
    z = np.asarray(logits, np.float64) * np.asarray(slope) + np.asarray(offset)
    if kind == "softmax":
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -60, 60))))


def load(stored: Stored, threads: int = 1) -> Model | Fault:
    """Checks both files against the manifest, then builds the session; the graph names no file of its own."""
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError:
        return Fault(Kind.UNAVAILABLE, "E849", "onnxruntime is not installed", help="pip install isthmus[ecg]")
    path = stored.folder / stored.entry.graph.name
    try:
        graph = path.read_bytes() if path.stat().st_size <= MAX_GRAPH else b""
    except OSError as error:
        return Fault(Kind.NOT_FOUND, "E841", f"the model file cannot be read ({type(error).__name__})", path.name)
    if hashlib.sha256(graph).hexdigest() != stored.entry.graph.sha256:
        text = "the model's SHA-256 is not the one its manifest states"
        return Fault(Kind.FORBIDDEN, "E845", text, path.name, "fetch the model again")
    arrays = read_arrays(stored.folder / stored.entry.weights.name, stored.entry.weights.sha256)
    if isinstance(arrays, Fault):
        return arrays
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    names = [name for name in arrays if _names(graph, name)]
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(arrays[name].astype(np.float32)) for name in names]
    try:
        options.add_external_initializers(names, values)
        return Model(stored, onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"]))
    except Exception as error:  # the runtime's own errors are many
        return Fault(Kind.INCORRECT, "E846", f"the model does not load ({type(error).__name__})", stored.name, "fetch it again")
