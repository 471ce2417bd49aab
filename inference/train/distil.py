"""A lead-I network also learns from what a 12-lead network says of the same record (Hinton et al., 2015)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from inference.models.labels import LEAD_ONE, SUPER
from inference.models.network import Network
from inference.train.loop import Split, predict

Array = npt.NDArray[np.float32]


def soften(student: Split, twelve_leads: Array, teacher: Network, share: float) -> Split:
    """The student's targets, a share of each taken from the teacher's probabilities for the same records."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with torch.autocast(device.type, torch.bfloat16):
        logits = predict(teacher.to(device), twelve_leads, device).astype(np.float32)
    said = 1 / (1 + np.exp(-logits))
    columns = [SUPER.index(name) for name in LEAD_ONE]
    soft = np.concatenate([said[:, columns], said], 1)
    return replace(student, targets=((1 - share) * student.targets + share * soft).astype(np.float32))
