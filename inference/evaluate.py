"""`python -m inference.evaluate DATA --fold N`: the figures of the shipped weights on a fold, the same bits on every run.

One thread, batches of 32 in the order of the data: sums are made in the same order whatever else the machine does. torch is not needed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.fault import Fault
from inference.models import manifest, runtime
from inference.train import metrics
from inference.train.data import Records, packed
from inference.train.tasks import TASKS, Task, per_label, softmax
from inference.train.wfdb_folder import official
from inference.usable import judge


def report(task: Task, model: runtime.Model, records: Records) -> dict[str, Any]:
    """Figures of one model on records; calibration as shipped, operating points as shipped."""
    where = task.judged(records)
    split = task.split(records, where)
    labels = task.labels
    logits = model.all(split.signals)
    probability, targets = model.probabilities(logits), split.targets[:, : len(labels)]
    first = 5 if task.name == "twelve" else len(labels)
    scores = logits if task.kind == "sigmoid" else softmax(logits)  # as the model card has it
    errors = [metrics.calibration_error(targets[:, at], probability[:, at]) for at in range(first)]
    points = {}
    for at, label in enumerate(labels):
        if label in model.stored.entry.points and targets[:, at].any():
            row = metrics.point(targets[:, at], probability[:, at], model.stored.entry.points[label].threshold)
            points[label] = {key: round(value, 4) for key, value in row.items()}
    return {
        "model": task.name,
        "version": model.stored.entry.version,
        "sha256": model.stored.digest,
        "records": len(targets),
        "unreadable": sum(not judge(signal)[1] for signal in split.signals),
        "macro_auroc": round(metrics.macro(targets[:, :first], scores[:, :first]), 6),
        "macro_auroc_95": [round(value, 4) for value in metrics.interval(targets[:, :first], scores[:, :first])],
        "ece": round(sum(errors) / len(errors), 4),
        "auroc": per_label(targets, scores, labels),
        "accuracy": round(float((probability.argmax(1) == targets.argmax(1)).mean()), 4) if task.kind == "softmax" else None,
        "operating_points": points,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m inference.evaluate", description=__doc__)
    parser.add_argument("data", type=Path, help="the official PTB-XL folder, or the packed array's")
    parser.add_argument("--fold", type=int, default=9)
    parser.add_argument("--models", type=Path, default=manifest.SHIPPED)
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    chosen = parser.parse_args(arguments)
    folds = range(chosen.fold, chosen.fold + 1)
    records = packed(chosen.data, folds) if (chosen.data / "labels.csv").exists() else official(chosen.data, folds)
    if not len(records.names):
        raise SystemExit(f"the data has no fold {chosen.fold}")
    rows = []
    for name, task in TASKS.items():
        stored = manifest.find(name, chosen.models)
        model = stored if isinstance(stored, Fault) else runtime.load(stored, threads=1)
        if isinstance(model, Fault):
            raise SystemExit(str(model))
        rows.append(report(task, model, records))
    if chosen.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        low, high = row["macro_auroc_95"]
        head = f"{row['model']} {row['version']}, fold {chosen.fold}, {row['records']} records"
        print(f"{head}: macro AUROC {row['macro_auroc']:.4f} ({low:.4f}–{high:.4f}), ECE {row['ece']:.4f}")
        print("  " + " ".join(f"{label}={value:.4f}" for label, value in row["auroc"].items()))


if __name__ == "__main__":
    main()
