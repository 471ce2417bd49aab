"""From trained members to what is shipped: float16 weights, graph, calibration, operating points, manifest, model card."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save

from engine.fault import Fault
from inference.classify import NOTICE
from inference.models import manifest, runtime
from inference.models.beat_network import BeatNetwork, build, width
from inference.models.ensemble import Ensemble, graph, half, restore
from inference.models.labels import SUPER
from inference.models.network import Network, Settings
from inference.train import metrics
from inference.train.data import Records
from inference.train.tasks import Task, per_label, softmax

Array = npt.NDArray[np.floating]
DATA = "PTB-XL 1.0.3 (PhysioNet), folds 1-8 for training, fold 9 for choice and calibration, fold 10 never seen"
LICENCE = "weights Apache-2.0; trained on PTB-XL, CC BY 4.0 (Wagner et al., Scientific Data 2020)"


@dataclass(frozen=True, slots=True)
class Shipped:
    """A packed model and what fold 9 said of it."""

    entry: manifest.Entry
    report: dict[str, Any]


def cut_head(network: Network | BeatNetwork, outputs: int) -> Network | BeatNetwork:
    """The network with its first outputs only."""
    settings = network.settings
    if settings.outputs == outputs:
        return network
    smaller = build(Settings(**{**asdict(settings), "outputs": outputs}))
    state = network.state_dict()
    state["head.weight"], state["head.bias"] = state["head.weight"][:outputs], state["head.bias"][:outputs]
    smaller.load_state_dict(state)
    return smaller.eval()


def calibrate(task: Task, logits: Array, targets: Array) -> tuple[list[float], list[float]]:
    """Slopes and offsets."""
    if task.kind == "softmax":
        return metrics.vector_scaling(targets, logits)
    pairs = [metrics.platt(targets[:, column], logits[:, column]) for column in range(logits.shape[1])]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def crossfitted(task: Task, logits: Array, targets: Array, folds: int = 5) -> Array:
    """Probabilities of each record by a calibration that has not seen it."""
    out = np.zeros(logits.shape)
    part = np.random.default_rng(3).permutation(len(logits)) % folds
    for one in range(folds):
        slope, offset = calibrate(task, logits[part != one], targets[part != one])
        out[part == one] = runtime.calibrated(logits[part == one], slope, offset, task.kind)
    return out


def measure(task: Task, logits: Array, targets: Array) -> dict[str, Any]:
    """What fold 9 says: AUROC with intervals, calibration cross-fitted."""
    probability = crossfitted(task, logits, targets)
    scores = logits if task.kind == "sigmoid" else softmax(logits)
    names = SUPER if task.name == "twelve" else task.labels
    first = len(names)
    errors = [metrics.calibration_error(targets[:, column], probability[:, column]) for column in range(first)]
    report: dict[str, Any] = {
        "records": len(targets),
        "macro_auroc": round(metrics.macro(targets[:, :first], scores[:, :first]), 4),
        "macro_auroc_95": [round(value, 4) for value in metrics.interval(targets[:, :first], scores[:, :first])],
        "ece": round(float(np.mean(errors)), 4),
        "ece_by_class": dict(zip(names, (round(value, 4) for value in errors), strict=True)),
        "auroc": per_label(targets, scores, task.labels),
    }
    intervals = {}
    for column, name in enumerate(names):
        low, high = metrics.interval(targets[:, column : column + 1], scores[:, column : column + 1], 300)
        intervals[name] = [round(low, 4), round(high, 4)]
    report["auroc_95"] = intervals
    if task.name == "twelve":
        groups = {
            name: [i for i, label in enumerate(task.labels) if label.startswith(name)] for name in ("sub", "form", "rhythm")
        }
        report["macro_by_group"] = {name: round(metrics.macro(targets[:, at], logits[:, at]), 4) for name, at in groups.items()}
    else:
        called, true = probability.argmax(1), targets.argmax(1)
        report["accuracy"] = round(float((called == true).mean()), 4)
        recall = {name: round(float((called[true == i] == i).mean()), 4) for i, name in enumerate(names)}
        precision = [float((true[called == i] == i).mean()) if (called == i).any() else 0.0 for i in range(first)]
        report["recall"] = recall
        f1 = [2 * p * r / max(p + r, 1e-9) for p, r in zip(precision, recall.values(), strict=True)]
        report["macro_f1"] = round(float(np.mean(f1)), 4)
    return report


def pack(task: Task, members: Sequence[Network | BeatNetwork], valid: Records, out: Path, version: str) -> Shipped:
    """Writes NAME.safetensors and NAME.onnx, checks that both engines agree, calibrates on the validation fold."""
    settings = [cut_head(one, len(task.labels)).settings for one in members]
    ensemble = Ensemble(settings)
    for ours, given in zip(ensemble.members, members, strict=True):
        ours.load_state_dict(cut_head(given, len(task.labels)).state_dict())
    weights = half(ensemble)
    restore(ensemble, weights)
    raw = save(weights)
    (out / f"{task.name}.safetensors").write_bytes(raw)
    graph(ensemble, len(task.leads), out / f"{task.name}.onnx")
    files = [
        manifest.File(name, hashlib.sha256((out / name).read_bytes()).hexdigest())
        for name in (f"{task.name}.safetensors", f"{task.name}.onnx")
    ]
    ones, zeros = [1.0] * len(task.labels), [0.0] * len(task.labels)
    bare = manifest.Entry(
        version, files[0], files[1], list(task.leads), list(task.labels), task.kind, ones, zeros, {}, sum(map(width, settings)),
        [asdict(one) for one in settings], {},
    )  # fmt: skip
    model = runtime.load(manifest.Stored(task.name, out, bare))
    if isinstance(model, Fault):
        raise SystemExit(str(model))
    where = task.judged(valid)
    split = task.split(valid, where)
    logits, targets = model.all(split.signals), split.targets[:, : len(task.labels)]
    with torch.inference_mode():
        difference = float(np.abs(ensemble(torch.from_numpy(split.signals[:32]))[0].numpy() - logits[:32]).max())
    slope, offset = calibrate(task, logits, targets)
    probability = runtime.calibrated(logits, slope, offset, task.kind)
    points = {}
    for column, name in enumerate(task.labels):
        if targets[:, column].sum() >= 5:
            threshold = metrics.best_threshold(targets[:, column], probability[:, column])
            row = metrics.point(targets[:, column], probability[:, column], threshold)
            points[name] = manifest.Point(**{key: round(value, 4) for key, value in row.items()})
    report = measure(task, logits, targets) | {"onnx_difference": difference, "bytes": len(raw)}
    entry = msgspec.structs.replace(bare, slope=slope, offset=offset, points=points, auroc=report["auroc"])
    return Shipped(entry, report)


def write(shipped: dict[str, Shipped], out: Path) -> None:
    """Writes manifest.json."""
    body = manifest.Manifest(DATA, LICENCE, NOTICE, {name: one.entry for name, one in shipped.items()})
    (out / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n")
