"""Our models' answer in the labels of ECG-FM's API: what is the same, what is narrower, and null for what they do not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.ecgfm.labels import LABELS, group

SAME = {
    "Sinus rhythm": ("rhythm:SR",),
    "Premature ventricular contraction": ("form:PVC",),
    "Atrial fibrillation": ("rhythm:AFIB",),
    "Atrial flutter": ("rhythm:AFLT",),
    "Accessory pathway conduction": ("sub:WPW",),
    "Atrioventricular block": ("sub:AVB",),
    "Infarction": ("super:MI",),
    "Electronic pacemaker": ("rhythm:PACE",),
}
NARROWER = {  # our labels are kinds of theirs: the greatest of them is the least the whole can be
    "Tachycardia": ("rhythm:STACH", "rhythm:SVTAC", "rhythm:PSVT"),
    "Bradycardia": ("rhythm:SBRAD",),
    "Right bundle branch block": ("sub:CRBBB", "sub:IRBBB"),
    "Left bundle branch block": ("sub:CLBBB", "sub:ILBBB"),
}


def rows(probabilities: Mapping[str, float]) -> list[dict[str, Any]]:
    """One row a label, in ECG-FM's order: probability or null, its group, and what it was made from."""
    return [_row(index, label, probabilities) for index, label in enumerate(LABELS)]


def _row(index: int, label: str, probabilities: Mapping[str, float]) -> dict[str, Any]:
    row: dict[str, Any] = {"label": label, "group": group(index), "probability": None, "basis": None, "from": []}
    if label in probabilities:
        return row | {"probability": probabilities[label], "basis": "same", "from": [label]}
    for basis, table in (("same", SAME), ("narrower", NARROWER)):
        sources = [name for name in table.get(label, ()) if name in probabilities]
        if sources:
            return row | {"probability": max(probabilities[name] for name in sources), "basis": basis, "from": sources}
    return row
