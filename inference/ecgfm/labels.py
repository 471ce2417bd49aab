"""The 17 labels of the finetuned ECG-FM, their groups, and how a recording's segments make one answer."""

from __future__ import annotations

LABELS = (
    "Poor data quality",
    "Sinus rhythm",
    "Premature ventricular contraction",
    "Tachycardia",
    "Ventricular tachycardia",
    "Supraventricular tachycardia with aberrancy",
    "Atrial fibrillation",
    "Atrial flutter",
    "Bradycardia",
    "Accessory pathway conduction",
    "Atrioventricular block",
    "1st degree atrioventricular block",
    "Bifascicular block",
    "Right bundle branch block",
    "Left bundle branch block",
    "Infarction",
    "Electronic pacemaker",
)
MAXIMUM = frozenset({0, 2, 4, 5, 16})  # a segment that shows it is enough; all others are averaged over segments


def group(index: int) -> str:
    """The interpreter's group of a label."""
    if index in range(1, 9) or index == 16:
        return "Rhythm"
    if index in range(9, 15):
        return "Conduction"
    return "Ischemia" if index == 15 else "Other"


def combine(segments: list[list[float]]) -> list[float]:
    """Probabilities [segments][17] → [17]: the maximum for what passes, the mean for what stays."""
    columns = list(zip(*segments, strict=True))
    return [max(column) if index in MAXIMUM else sum(column) / len(column) for index, column in enumerate(columns)]
