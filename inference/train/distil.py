"""A lead-I network also learns from what a 12-lead network says of the same record (Hinton et al., 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from inference.models.labels import LEAD_ONE, SUPER
from inference.train.data import Split
from inference.train.loop import predict
from inference.train.tasks import softmax

Array = npt.NDArray[np.float32]


def soften(student: Split, twelve_leads: Array, teachers: Sequence[nn.Module], share: float, exclusive: bool = False) -> Split:
    """The student's targets, a share of each taken from the teachers' probabilities for the same records.

    Several teachers speak by the mean of their logits; `exclusive` makes the three deciding ones shares of one.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with torch.autocast(device.type, torch.bfloat16):
        logits = np.mean([predict(one.to(device), twelve_leads, device).astype(np.float32) for one in teachers], axis=0)
    said = 1 / (1 + np.exp(-logits))
    columns = [SUPER.index(name) for name in LEAD_ONE]
    three = softmax(logits[:, columns]) if exclusive else said[:, columns]
    soft = np.concatenate([three, said], 1)
    return replace(student, targets=((1 - share) * student.targets + share * soft).astype(np.float32))
