"""The official PTB-XL folder: ptbxl_database.csv, scp_statements.csv and records100/, read by the reader of ECG files that is installed."""

from __future__ import annotations

import ast
import csv
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.fault import Fault
from inference.leads import LEADS, name_of
from inference.preprocess import prepare
from inference.train.data import Records, targets, together


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
    read, known = reader(), statements(folder)
    with (folder / "ptbxl_database.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(float(row["strat_fold"])) in folds]
    signals = np.empty((len(rows), len(LEADS), 1000), np.float32)
    pairs = []
    for number, row in enumerate(rows):
        signals[number] = prepare(_read(read, folder / row["filename_lr"]), 100.0)
        pairs.append(targets(labels_of(ast.literal_eval(row["scp_codes"]), known)))
        tick()
    return Records(
        signals,
        *together(pairs),
        np.array([int(float(row["strat_fold"])) for row in rows]),
        tuple(str(int(float(row["ecg_id"]))) for row in rows),
    )


def reader() -> Any:
    """The function that reads ECG files: the entry point `ecg` of `isthmus.readers`."""
    for point in entry_points(group="isthmus.readers", name="ecg"):
        return point.load()
    raise SystemExit("no reader of ECG files is installed: pip install the package whole")


def _read(read: Any, path: Path) -> npt.NDArray[np.float32]:
    """µV [12, 1000] in our order; a sample that was not recorded is zero."""
    header, body = path.with_name(path.name + ".hea"), path.with_name(path.name + ".dat")
    found = read(header.read_bytes(), header.name, {body.name: body.read_bytes()})
    if isinstance(found, Fault):
        raise SystemExit(f"{header}: {found}")
    order = [[name_of(name) for name in found.leads].index(lead) for lead in LEADS]
    return np.asarray(np.nan_to_num(found.samples[order], nan=0.0), np.float32)
