"""PTB-XL for training, from the packed array or from the official WFDB folder, preprocessed by the function serving uses."""

from __future__ import annotations

import csv
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.models.labels import GROUPS, SUPER, TWELVE
from inference.preprocess import prepare

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Records:
    """Signals [n, 12, 1000] mV at 100 Hz; targets [n, 59] in the order of labels.TWELVE; known [n, 59]; fold [n]; names [n]."""

    signals: Array
    targets: Array
    known: Array
    fold: npt.NDArray[np.int64]
    names: tuple[str, ...]

    def take(self, where: npt.NDArray[np.bool_]) -> Records:
        """The records where the mask is true."""
        names = tuple(name for name, keep in zip(self.names, where, strict=True) if keep)
        return Records(self.signals[where], self.targets[where], self.known[where], self.fold[where], names)


@dataclass(frozen=True, slots=True)
class Split:
    """Signals [n, leads, 1000], targets and known [n, outputs]."""

    signals: Array
    targets: Array
    known: Array


def shard(path: Path) -> npt.NDArray[np.int16]:
    """One packed shard → int16 [n, 12, 1000] of 5 µV: xz over two byte planes of the zig-zagged first difference."""
    raw = np.frombuffer(lzma.decompress(path.read_bytes()), np.uint8)
    low, high = raw[: raw.size // 2], raw[raw.size // 2 :]
    zigzag = low.astype(np.int32) | (high.astype(np.int32) << 8)
    difference = (zigzag >> 1) ^ -(zigzag & 1)
    return np.cumsum(difference.reshape(-1, 12, 1000), axis=2).astype(np.int16)


def targets(row: dict[str, str]) -> tuple[Array, Array]:
    """A row of labels.csv → (targets, known): without any superclass the diagnosis is not known, and is not learned from."""
    columns = {"super": "super_class", "sub": "sub_class", "form": "form", "rhythm": "rhythm"}
    hot, known = [], []
    diagnosed = bool(row["super_class"])
    for group, names in GROUPS.items():
        present = set(row[columns[group]].split("|"))
        hot += [float(name in present) for name in names]
        known += [float(diagnosed or group in {"form", "rhythm"})] * len(names)
    return np.array(hot, np.float32), np.array(known, np.float32)


def packed(folder: Path, folds: range = range(1, 10)) -> Records:
    """Reads the folds asked for from labels.csv and signals_*.xz; ValueError when the two are not of the same records."""
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = [int(row["strat_fold"]) in folds for row in rows]
    signals = np.empty((sum(wanted), 12, 1000), np.float32)
    at, filled = 0, 0
    for path in sorted(folder.glob("signals_*.xz")):
        for one in shard(path):
            if at < len(rows) and wanted[at]:
                signals[filled] = prepare(one.astype(np.float32) * 5.0, 100.0)
                filled += 1
            at += 1
    if at != len(rows):
        raise ValueError(f"labels.csv has {len(rows)} records, signals_*.xz have {at}")
    rows = [row for row, keep in zip(rows, wanted, strict=True) if keep]
    pairs = [targets(row) for row in rows]
    fold = np.array([int(row["strat_fold"]) for row in rows])
    names = tuple(row["ecg_id"] for row in rows)
    return Records(signals, *together(pairs), fold, names)


def together(pairs: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Targets and known of all records, [n, 59] each, also of none."""
    hot, known = ([pair[at] for pair in pairs] for at in (0, 1))
    none = np.empty((0, len(TWELVE)), np.float32)
    return (np.stack(hot), np.stack(known)) if pairs else (none, none)


def superclass_only(records: Records) -> npt.NDArray[np.bool_]:
    """Records with exactly one superclass, which is NORM, CD or STTC: the task of the lead-I service."""
    hot = records.targets[:, : len(SUPER)]
    wanted = [SUPER.index(name) for name in ("NORM", "CD", "STTC")]
    return np.asarray((hot.sum(1) == 1) & (hot[:, wanted].sum(1) == 1))
