"""The classifier: a squeeze-and-excitation residual network over time, with self-attention at its end where asked for.

He et al., Deep Residual Learning (2016); Hu et al., Squeeze-and-Excitation Networks (2018); Strodthoff et al., Deep Learning
for ECG Analysis (2021) for what works on PTB-XL. Convolutions are 2-D with a height of one because the channels-last kernels
of oneDNN are about a quarter faster that way.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Settings:
    """The shape of a network. Weights fit exactly one Settings."""

    leads: int = 12
    outputs: int = 59
    stem: int = 15
    widths: tuple[int, ...] = (64, 128, 192, 256)
    kernels: tuple[int, ...] = (9, 7, 5, 3)
    depth: int = 2
    attention: int = 0
    dropout: float = 0.2
    turn: int = 0  # samples the end of a recording is moved by to its beginning: members in other phases of the strides err apart
    beats: bool = False  # it is shown the mean beat of its one lead: models/beat_network.py


class Squeeze(nn.Module):
    """Weighs the channels by what the whole recording shows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, width // 8)
        self.up = nn.Linear(width // 8, width)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))
        return x * weight[:, :, None, None]


class Block(nn.Module):
    """Two convolutions and a shortcut; halves the time axis when stride is 2."""

    def __init__(self, width_in: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        pad = (0, kernel // 2)
        self.conv1 = nn.Conv2d(width_in, width, (1, kernel), (1, stride), pad, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, (1, kernel), 1, pad, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.squeeze = Squeeze(width)
        self.stride = stride
        self.short = nn.Identity() if width_in == width else nn.Conv2d(width_in, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.squeeze(self.norm2(self.conv2(y)))
        if self.stride > 1:
            x = F.avg_pool2d(x, (1, self.stride), ceil_mode=True)
        return F.relu(y + self.short(x))


class Attention(nn.Module):
    """A pre-norm transformer layer whose sense of place is a depth-wise convolution."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.place = nn.Conv1d(width, width, 9, padding=4, groups=width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.heads = heads
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.place(x.transpose(1, 2)).transpose(1, 2)
        batch, time, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, time, width)
        x = x + self.drop(self.out(y))
        x = x + self.drop(self.fc2(F.gelu(self.fc1(self.norm2(x)))))
        return x


class Network(nn.Module):
    """[batch, leads, time] in mV at 100 Hz → logits [batch, outputs]; any length of one second or more."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        first = settings.widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(settings.leads, first, (1, settings.stem), (1, 2), (0, settings.stem // 2), bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        )
        blocks, width = [], first
        for stage, kernel in zip(settings.widths, settings.kernels, strict=True):
            for number in range(settings.depth):
                blocks.append(Block(width, stage, kernel, 2 if number == 0 else 1))
                width = stage
        self.blocks = nn.Sequential(*blocks)
        self.attention = nn.Sequential(*(Attention(width, width // 32, settings.dropout) for _ in range(settings.attention)))
        self.drop = nn.Dropout(settings.dropout)
        self.head = nn.Linear(2 * width, settings.outputs)

    def features(self, x: Tensor) -> Tensor:
        """The pooled embedding [batch, 2 × last width]: means, then maxima over time."""
        if self.settings.turn:
            x = torch.cat((x[:, :, -self.settings.turn :], x[:, :, : -self.settings.turn]), 2)
        x = self.blocks(self.stem(x.unsqueeze(2).contiguous(memory_format=torch.channels_last)))
        if len(self.attention):
            x = self.attention(x.squeeze(2).transpose(1, 2)).transpose(1, 2).unsqueeze(2)
        return torch.cat((x.mean((2, 3)), x.amax((2, 3))), 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.drop(self.features(x).float()))
        return logits
