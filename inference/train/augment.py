"""What a record may look like when the network sees it again: another stretch of time, strength, axis, noise, leads off, a mixture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def turn(x: Tensor, angle: float, dice: np.random.Generator) -> Tensor:
    """Leads I and II [batch, 2, time] → [batch, 1, time], what lead I shows of a heart turned by some degrees in the frontal plane.

    At right angles to lead I stands aVF: II less half of I, in Wilson's triangle 2/√3 times as large.
    """
    by = torch.from_numpy(np.deg2rad(dice.normal(0, angle, (len(x), 1))).astype(np.float32))
    upright = (x[:, 1] - x[:, 0] / 2) * (2 / 3**0.5)
    return (x[:, 0] * torch.cos(by) + upright * torch.sin(by))[:, None]


def stretch(x: Tensor, crop: int, dice: np.random.Generator) -> Tensor:
    """[batch, leads, time] → [batch, leads, crop]: a random crop of each, or all of it turned by up to a second."""
    batch, _leads, length = x.shape
    if crop < length:
        starts = dice.integers(0, length - crop + 1, batch)
        return torch.stack([one[:, at : at + crop] for one, at in zip(x, starts, strict=True)])
    shift = dice.integers(-100, 101, batch)
    return torch.stack([torch.roll(one, int(by), 1) for one, by in zip(x, shift, strict=True)])


def disturb(x: Tensor, off: float, noise: float, dice: np.random.Generator) -> Tensor:
    """Scales each record by about 8 %, adds noise in mV, and in half of the records switches leads off at random."""
    batch, leads, _time = x.shape
    scale = torch.from_numpy(np.exp(dice.normal(0, 0.08, (batch, 1, 1))).astype(np.float32))
    keep = torch.from_numpy((dice.random((batch, leads, 1)) >= off).astype(np.float32))
    some = torch.from_numpy((dice.random((batch, 1, 1)) < 0.5).astype(np.float32))
    rustle = torch.from_numpy(dice.standard_normal(x.shape, dtype=np.float32)) * noise
    return x * scale * (keep * some + 1 - some) + rustle


def mix(parts: tuple[Tensor, Tensor, Tensor], alpha: float, dice: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Mixup (Zhang et al., 2018) of (signals, targets, known) with the batch reversed; known only where both are."""
    x, y, known = parts
    if alpha <= 0:
        return parts
    share = float(dice.beta(alpha, alpha))
    share = max(share, 1 - share)
    return share * x + (1 - share) * x.flip(0), share * y + (1 - share) * y.flip(0), known * known.flip(0)
