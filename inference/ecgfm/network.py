"""ECG-FM in plain torch: four strided convolutions, a convolutional sense of place, twelve post-norm transformer layers.

Source: McKeen et al., ECG-FM: an open electrocardiogram foundation model (2024); the wav2vec 2.0 encoder it builds on
(Baevski et al., 2020). The names of the parameters are those of the published checkpoints.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH, HIDDEN, HEADS, LAYERS, CONV = 768, 3072, 12, 12, 256


class Features(nn.Module):
    """[B, 12, T] → [B, 256, about T/16]: every block halves the time; the first one normalises each channel over time."""

    def __init__(self, leads: int = 12) -> None:
        super().__init__()
        first = nn.Sequential(
            nn.Conv1d(leads, CONV, 2, stride=2, bias=False), nn.Dropout(0.0), nn.GroupNorm(CONV, CONV), nn.GELU()
        )
        rest = (nn.Sequential(nn.Conv1d(CONV, CONV, 2, stride=2, bias=False), nn.Dropout(0.0), nn.GELU()) for _ in range(3))
        self.conv_layers = nn.ModuleList([first, *rest])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.conv_layers:
            x = layer(x)
        return x


class Place(nn.Module):
    """A grouped convolution over 128 frames whose weight is g · v / |v|, the norm taken per tap."""

    def __init__(self) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(1, 1, 128))
        self.weight_v = nn.Parameter(torch.randn(WIDTH, WIDTH // 16, 128) * 0.02)
        self.bias = nn.Parameter(torch.zeros(WIDTH))

    def weight(self) -> Tensor:
        """The convolution's weight [768, 48, 128]."""
        norm: Tensor = torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True)
        return self.weight_g * self.weight_v / norm

    def forward(self, x: Tensor) -> Tensor:
        """[B, 768, T] → [B, 768, T]: an even kernel makes one frame too many, the last is dropped."""
        y: Tensor = F.conv1d(x, self.weight(), self.bias, padding=64, groups=16)
        return F.gelu(y[:, :, :-1])


class Attention(nn.Module):
    """Self-attention with biases everywhere; scores scaled by 1/8."""

    def __init__(self) -> None:
        super().__init__()
        self.k_proj, self.v_proj = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.q_proj, self.out_proj = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape

        def heads(y: Tensor) -> Tensor:
            return y.view(batch, time, HEADS, width // HEADS).transpose(1, 2)

        y = F.scaled_dot_product_attention(heads(self.q_proj(x)), heads(self.k_proj(x)), heads(self.v_proj(x)))
        out: Tensor = self.out_proj(y.transpose(1, 2).reshape(batch, time, width))
        return out


class Layer(nn.Module):
    """A post-norm transformer layer: attention, sum, norm; feed-forward, sum, norm."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = Attention()
        self.self_attn_layer_norm = nn.LayerNorm(WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.final_layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.self_attn_layer_norm(x + self.self_attn(x))
        out: Tensor = self.final_layer_norm(x + self.fc2(F.gelu(self.fc1(x))))
        return out


class Transformer(nn.Module):
    """[B, T, 768] → the same, in context."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])
        self.layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer_norm(x)
        for layer in self.layers:
            x = layer(x)
        return x


class Position(nn.Module):
    """Holds the positional convolution under the checkpoints' own name, `pos_conv.0`."""

    def __init__(self) -> None:
        super().__init__()
        self.pos_conv = nn.Sequential(OrderedDict([("0", Place())]))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, 768]: the input and its place, added."""
        placed: Tensor = self.pos_conv(x.transpose(1, 2)).transpose(1, 2)
        return x + placed


class Encoder(nn.Module):
    """[B, 12, 2500] at 500 Hz, z-scored → frames [B, 156, 768]."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_extractor = Features()
        self.layer_norm = nn.LayerNorm(CONV)
        self.post_extract_proj = nn.Linear(CONV, WIDTH)
        self.conv_pos = Position()
        self.encoder = Transformer()

    def forward(self, x: Tensor) -> Tensor:
        x = self.feature_extractor(x).transpose(1, 2)
        frames: Tensor = self.encoder(self.conv_pos(self.post_extract_proj(self.layer_norm(x))))
        return frames


def pool(frames: Tensor) -> Tensor:
    """[B, T, 768] → [B, 768]: the sum over time by the count of entries that are not exactly zero."""
    return frames.sum(1) / (frames != 0).sum(1)


class Finetuned(nn.Module):
    """The classifier: 17 logits of a segment. 90 386 321 parameters."""

    def __init__(self, labels: int = 17) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.proj = nn.Linear(WIDTH, labels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 12, 2500] → (logits [B, 17], embedding [B, 768])."""
        embedding = pool(self.encoder(x))
        return self.proj(embedding), embedding


class Quantizer(nn.Module):
    """The codebook of pre-training; kept so that a checkpoint fits, not used to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.vars = nn.Parameter(torch.zeros(1, 640, 128))
        self.weight_proj = nn.Linear(CONV, 640)


class Pretrained(Encoder):
    """The pre-trained encoder with what pre-training left in its checkpoint. 90 883 072 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.mask_emb = nn.Parameter(torch.zeros(WIDTH))
        self.quantizer = Quantizer()
        self.project_q = nn.Linear(256, 256)
        self.final_proj = nn.Linear(WIDTH, 256)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 12, 2500] → embedding [B, 768]."""
        return pool(super().forward(x))
