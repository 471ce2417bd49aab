"""The official PTB-XL folder: ptbxl_database.csv, scp_statements.csv and records100/, read with wfdb."""

from __future__ import annotations

import ast
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inference.leads import LEADS, name_of
from inference.preprocess import prepare
from inference.train.data import Records, targets

SIBLINGS = {"LAFB": "LAFB/LPFB", "LPFB": "LAFB/LPFB", "LAO/LAE": "LAO/LAE", "RAO/RAE": "RAO/RAE"}


def statements(folder: Path) -> dict[str, dict[str, str]]:
    """scp_statements.csv by statement code."""
    with (folder / "scp_statements.csv").open(newline="", encoding="utf-8") as file:
        return {row.get("", "") or next(iter(row.values())): row for row in csv.DictReader(file)}


def labels_of(codes: dict[str, float], known: dict[str, dict[str, str]]) -> dict[str, str]:
    """A record's SCP codes → the columns of labels.csv: diagnostic ones by their class, others under their own name."""
    columns: dict[str, list[str]] = {"super_class": [], "sub_class": [], "form": [], "rhythm": []}
    for code in codes:
        row = known.get(code)
        if row is None:
            continue
        if _yes(row.get("diagnostic")):
            columns["super_class"].append(row["diagnostic_class"])
            columns["sub_class"].append(row["diagnostic_subclass"])
        for kind in ("form", "rhythm"):
            if _yes(row.get(kind)):
                columns[kind].append(code.rstrip("_"))
    return {name: "|".join(sorted({value.rstrip("_") for value in values})) for name, values in columns.items()}


def _yes(text: str | None) -> bool:
    return text not in {None, "", "0", "0.0"}


def official(folder: Path, folds: range = range(1, 10), tick: Callable[[], None] = lambda: None) -> Records:
    """Reads the folds asked for from records100; fold 10 is left where it is."""
    import wfdb  # noqa: PLC0415

    known = statements(folder)
    with (folder / "ptbxl_database.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(float(row["strat_fold"])) in folds]
    signals = np.empty((len(rows), len(LEADS), 1000), np.float32)
    pairs = []
    for number, row in enumerate(rows):
        signals[number] = prepare(_read(wfdb, folder / row["filename_lr"]), 100.0)
        pairs.append(targets(labels_of(ast.literal_eval(row["scp_codes"]), known)))
        tick()
    return Records(
        signals,
        np.stack([hot for hot, _ in pairs]),
        np.stack([sure for _, sure in pairs]),
        np.array([int(float(row["strat_fold"])) for row in rows]),
        tuple(str(int(float(row["ecg_id"]))) for row in rows),
    )


def _read(wfdb: Any, path: Path) -> Any:
    """µV [12, 1000] in our order."""
    record = wfdb.rdrecord(str(path))
    order = [[name_of(name) for name in record.sig_name].index(lead) for lead in LEADS]
    scale = {"mv": 1000.0, "uv": 1.0}[record.units[0].lower().replace("µ", "u")]
    return np.nan_to_num(record.p_signal.T[order]) * scale
