"""The classifier of a mean beat, and the choice between the two kinds of network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.models.beats import RHYTHM, SHAPES, Beats
from inference.models.network import Block, Network, Settings

FIGURES, PLACES, EMBEDDING = 32, 6, 256


class BeatNetwork(nn.Module):
    """[batch, 1, time] mV at 100 Hz → logits [batch, outputs]: a residual network over the mean beat, with figures of the rhythm.

    What stands where in the beat matters: beside the mean and the maximum over time it keeps the means of six parts of it.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        width = settings.widths[0]
        self.beats = Beats()
        self.stem = nn.Sequential(
            nn.Conv2d(SHAPES, width, (1, settings.stem), 1, (0, settings.stem // 2), bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        blocks = []
        for stage, kernel in zip(settings.widths, settings.kernels, strict=True):
            for number in range(settings.depth):
                blocks.append(Block(width, stage, kernel, 2 if number == 0 else 1))
                width = stage
        self.blocks = nn.Sequential(*blocks)
        self.rhythm = nn.Sequential(nn.Linear(RHYTHM, FIGURES), nn.ReLU())
        self.drop = nn.Dropout(settings.dropout)
        self.mix = nn.Linear((2 + PLACES) * width + FIGURES, EMBEDDING)
        self.head = nn.Linear(EMBEDDING, settings.outputs)

    def features(self, x: Tensor) -> Tensor:
        """The embedding [batch, 256]."""
        beat, rhythm = self.beats(x)
        y = self.blocks(self.stem(beat.unsqueeze(2).contiguous(memory_format=torch.channels_last)))
        places = y.reshape(y.shape[0], y.shape[1], PLACES, -1).mean(3).flatten(1)
        pooled = torch.cat((y.mean((2, 3)), y.amax((2, 3)), places, self.rhythm(rhythm)), 1)
        return F.relu(self.mix(self.drop(pooled.float())))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.drop(self.features(x).float()))
        return logits


def build(settings: Settings) -> Network | BeatNetwork:
    """A network of these settings, of the kind they name."""
    return BeatNetwork(settings) if settings.beats else Network(settings)


def width(settings: Settings) -> int:
    """The length of its embedding."""
    return EMBEDDING if settings.beats else 2 * settings.widths[-1]
