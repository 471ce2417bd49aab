"""The model card a training run writes of itself: data, settings, curves, figures with intervals, calibration, machine, time."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from inference.classify import NOTICE
from inference.models.manifest import Entry
from inference.train.recipes import Member
from inference.train.ship import DATA, LICENCE


def machine() -> dict[str, Any]:
    """What it ran on."""
    import torch  # noqa: PLC0415

    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next(
            (line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")), ""
        )
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "gpu": gpu,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }


def curve(folder: Path) -> list[dict[str, Any]]:
    """A member's log."""
    path = folder / "log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def facts(
    members: Sequence[Member], runs: Path, entries: Mapping[str, Entry], reports: Mapping[str, Any], notes: Sequence[str]
) -> Any:
    """Everything, as JSON."""
    return {
        "data": DATA,
        "licence": LICENCE,
        "notice": NOTICE,
        "machine": machine(),
        "notes": list(notes),
        "members": [
            {"name": one.name, "task": one.task, "settings": msgspec.to_builtins(one.settings), "recipe": msgspec.to_builtins(one.recipe),
             "distilled_from": list(one.teachers), "curve": curve(runs / one.name)}
            for one in members
        ],
        "models": {
            name: {**reports[name], "version": entry.version, "sha256": [entry.weights.sha256, entry.graph.sha256],
                   "operating_points": {label: msgspec.to_builtins(point) for label, point in entry.points.items()}}
            for name, entry in entries.items()
        },
    }  # fmt: skip


def markdown(card: Any) -> str:
    """The same for people."""
    lines = ["# Model card", "", f"**{NOTICE}**", "", f"Data: {card['data']}. Licence: {card['licence']}.", ""]
    machine_ = card["machine"]
    lines += [f"Made on {machine_['cores']} cores of {machine_['cpu']}, GPU {machine_['gpu']}, torch {machine_['torch']}.", ""]
    lines += [f"- {note}" for note in card["notes"]]
    for name, model in card["models"].items():
        lines += ["", f"## {name} {model['version']}", ""]
        low, high = model["macro_auroc_95"]
        lines += [
            f"Fold 9, {model['records']} records: macro AUROC **{model['macro_auroc']:.4f}** (95 % bootstrap {low:.4f}–{high:.4f}), "
        ]
        lines += [f"expected calibration error {model['ece']:.4f} (cross-fitted in five parts), {model['bytes'] / 1e6:.1f} MB, "]
        lines += [f"ONNX Runtime and torch differ by {model['onnx_difference']:.1e} at most in a logit.", ""]
        for key in ("macro_by_group", "accuracy", "macro_f1", "recall"):
            if key in model:
                lines += [f"{key}: {json.dumps(model[key])}", ""]
        lines += [
            "| label | AUROC | 95 % | ECE | threshold | sensitivity | specificity | precision |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for label, value in model["auroc"].items():
            short = label.removeprefix("super:")
            interval = model["auroc_95"].get(short)
            spread = f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else ""
            error = model["ece_by_class"].get(short)
            point = model["operating_points"].get(label)
            cells = (
                [f"{point[key]:.3f}" for key in ("threshold", "sensitivity", "specificity", "precision")] if point else [""] * 4
            )
            lines += [f"| {label} | {value:.4f} | {spread} | {'' if error is None else f'{error:.3f}'} | {' | '.join(cells)} |"]
    lines += ["", "## Members", ""]
    for one in card["members"]:
        hours = one["curve"][-1]["seconds"] / 3600 if one["curve"] else 0.0
        lines += [f"### {one['name']} ({one['task']}), {hours:.2f} h", "", f"`{json.dumps(one['settings'])}`", ""]
        lines += [f"`{json.dumps(one['recipe'])}`", "", "| epoch | loss | macro AUROC, fold 9 | s |", "|---|---|---|---|"]
        lines += [
            f"| {row['epoch']} | {row['loss']:.4f} | {row['valid']:.4f} | {row['seconds']:.0f} |" for row in one["curve"]
        ] + [""]
    return "\n".join(lines) + "\n"
