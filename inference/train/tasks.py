"""What each model learns from the records, and how a fold judges it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.models.labels import LEAD_ONE, LEADS, SUPER, TWELVE
from inference.train.data import Records, Split, superclass_only
from inference.train.metrics import auroc, macro

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Task:
    """A model's leads, the labels it is shipped with, and the kind of its probabilities."""

    name: str
    leads: tuple[str, ...]
    labels: tuple[str, ...]
    kind: str

    def split(self, records: Records, where: npt.NDArray[np.bool_]) -> Split:
        """The records where the mask is true, as this task sees them.

        The lead-I network also learns every label of the 12-lead one: they are cut off when it is shipped.
        """
        if self.name == "twelve":
            return Split(records.signals[where], records.targets[where], records.known[where])
        columns = [SUPER.index(name) for name in LEAD_ONE]
        alone = np.repeat(superclass_only(records)[:, None].astype(np.float32), len(LEAD_ONE), 1)
        targets = np.concatenate([records.targets[:, columns], records.targets], 1)
        known = np.concatenate([alone, records.known], 1)
        return Split(np.ascontiguousarray(records.signals[where, :1]), targets[where], known[where])

    def judged(self, records: Records) -> npt.NDArray[np.bool_]:
        """Records a figure is made of: with a diagnosis; for lead I, with one of the three and no other."""
        if self.name == "twelve":
            return np.asarray(records.targets[:, : len(SUPER)].sum(1) > 0)
        return superclass_only(records)

    def score(self, logits: Array, targets: Array) -> float:
        """The macro AUROC that decides: over superclasses, or over the three."""
        if self.name == "twelve":
            known = targets[:, : len(SUPER)].sum(1) > 0
            return macro(targets[known, : len(SUPER)], logits[known, : len(SUPER)])
        three = logits[:, : len(LEAD_ONE)]
        return macro(targets[:, : len(LEAD_ONE)], softmax(three))


def softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Rows to shares."""
    e = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def per_label(targets: npt.NDArray[np.floating], scores: npt.NDArray[np.floating], names: tuple[str, ...]) -> dict[str, float]:
    """AUROC by label, rounded; labels without a positive are left out."""
    values = {name: auroc(targets[:, column], scores[:, column]) for column, name in enumerate(names)}
    return {name: round(value, 4) for name, value in values.items() if np.isfinite(value)}


TASKS = {
    "twelve": Task("twelve", LEADS, TWELVE, "sigmoid"),
    "lead_one": Task("lead_one", ("I",), LEAD_ONE, "softmax"),
}
