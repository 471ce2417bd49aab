"""The mean beat of a recording, found and aligned inside the network: fixed arithmetic, nothing in it is learned.

A convolution over ten seconds meets each beat in another phase of its strides. Laid over each other the beats show the shape of the
QRS complex as no single one does, and how far they differ. The energy between 8 and 22 Hz says where beats are (as Pan and Tompkins
had it, 1985), each is moved until it fits the others best, and those unlike the others are left out. All of it is tensor
arithmetic: training, the exported graph and serving cannot differ.
"""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RATE = 100  # Hz, what comes
BEFORE, AFTER = 76, 116  # samples at 200 Hz that a beat shows: 0.38 s and 0.58 s
MOST = 16  # beats, the first of a recording
APART = 25  # samples at 100 Hz between two beats at least
REACH = 8  # samples at 200 Hz a beat may be moved: 40 ms
HALF = 30  # samples at 200 Hz about a beat by which it is compared: 150 ms
ALIKE = 0.8  # the correlation from which a beat belongs to the others
LOCAL, GLOBAL, FLOOR = 0.35, 0.25, 0.005  # of the peaks within a second, of what they are on the whole, in mV: less is no beat
SHAPES, RHYTHM = 4, 7  # channels of the beat, and figures beside it


def band(low: float, high: float, taps: int) -> Tensor:
    """A Hann-windowed band-pass at 100 Hz [1, 1, taps]."""
    n = torch.arange(taps) - taps // 2
    ideal = 2 * high / RATE * torch.sinc(2 * high / RATE * n) - 2 * low / RATE * torch.sinc(2 * low / RATE * n)
    return (ideal * torch.hann_window(taps + 2, periodic=False)[1:-1])[None, None]


def between(taps: int) -> Tensor:
    """The value half way between two samples, from `taps` of them [1, 1, taps]."""
    n = torch.arange(taps) - taps / 2 + 0.5
    weight = torch.sinc(n) * (0.5 + 0.5 * torch.cos(2 * pi * n / (taps + 1)))
    return (weight / weight.sum())[None, None]


def hill(width: int) -> Tensor:
    """A triangle of this half width and of area one [1, 1, 2 width + 1]."""
    weight = width + 1 - torch.arange(-width, width + 1).abs().float()
    return (weight / weight.sum())[None, None]


def smooth(x: Tensor, weight: Tensor) -> Tensor:
    """[batch, 1, time] with an odd filter, its ends repeated beyond it."""
    half = weight.shape[2] // 2
    return F.conv1d(F.pad(x, (half, half), mode="replicate"), weight)


def share(mask: Tensor) -> Tensor:
    """Weights [batch, beats] that sum to one, or to nothing where no beat is chosen."""
    return mask / mask.sum(1, keepdim=True).clamp(min=1)


def cut(x: Tensor, centre: Tensor, lags: Tensor) -> Tensor:
    """[batch, time] about centres [batch, beats] → [batch, beats, lags]; beyond its ends the last value goes on."""
    at = (centre[:, :, None] + lags).clamp(min=0)
    at = torch.minimum(at, torch.ones_like(at) * (x.shape[1] - 1)).long()
    return x.gather(1, at.flatten(1)).view_as(at)


def normed(x: Tensor) -> Tensor:
    """Rows with a mean of zero and a length of one; of a flat row nothing is left."""
    x = x - x.mean(-1, keepdim=True)
    return x / (x.square().sum(-1, keepdim=True) + 1e-6).sqrt()


class Beats(nn.Module):
    """[batch, 1, time] mV at 100 Hz → (beat [batch, 4, 192] at 200 Hz, rhythm [batch, 7]); a second or more of any length.

    The channels of the beat: its mean in mV, the slope of that, how far the beats differ, and the mean as a share of its height.
    The rhythm: the mean RR in s, how it varies on the whole and from beat to beat, the shortest and the longest as shares of it,
    the share of beats that are whole and alike, and the beats a second. Where no beat is found all is zero.
    """

    band: Tensor
    between: Tensor
    slow: Tensor
    short: Tensor
    near: Tensor
    reach: Tensor
    window: Tensor
    order: Tensor

    def __init__(self) -> None:
        super().__init__()
        filters = {"band": band(8.0, 22.0, 41), "between": between(24), "slow": hill(80), "short": hill(6)}
        filters |= {"near": torch.arange(-HALF, HALF + 1.0), "reach": torch.arange(-HALF - REACH, HALF + REACH + 1.0)}
        filters |= {"window": torch.arange(-BEFORE, float(AFTER)), "order": torch.arange(1, MOST + 1.0)}
        for name, value in filters.items():
            self.register_buffer(name, value, persistent=False)

    def find(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Where beats are, in samples and in order [batch, MOST], and which places of the row hold one [batch, MOST]."""
        energy = smooth(smooth(x, self.band).square(), self.short).sqrt()
        near = F.max_pool1d(energy, 2 * RATE + 1, 1, RATE)
        least = torch.maximum(LOCAL * near, GLOBAL * near.mean(2, keepdim=True)).clamp(min=FLOOR)
        peak = ((energy >= F.max_pool1d(energy, 2 * APART + 1, 1, APART)) & (energy > least)).float()
        chosen = (peak.cumsum(2) * peak == self.order[:, None]).float()  # [batch, MOST, time]
        return (chosen * (torch.ones_like(x).cumsum(2) - 1)).sum(2), chosen.sum(2)

    def fit(self, fine: Tensor, at: Tensor, pattern: Tensor) -> Tensor:
        """Beats moved to where they differ least from a pattern [batch, near]; its own mean is not compared."""
        tried = cut(fine, at, self.reach).unfold(2, len(self.near), 1)  # [batch, beats, moves, near]
        alike = (tried @ (pattern - pattern.mean(1, keepdim=True))[:, None, :, None]).squeeze(3)
        apart = tried.square().sum(3) - tried.sum(3).square() / len(self.near) - 2 * alike
        moved: Tensor = at + apart.argmin(2).float() - REACH
        return moved

    def align(self, fine: Tensor, at: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Beats laid over each other, their common middle where the slope has its own, and how like the others each is."""
        rows = normed(cut(fine, at, self.near)) * there[:, :, None]
        typical = ((rows @ rows.sum(1)[:, :, None]).squeeze(2) - 0.001 * self.order).argmax(1)  # of two equal ones the first
        pattern = cut(fine, at.gather(1, typical[:, None]), self.near)[:, 0]
        for _ in range(2):
            moved = self.fit(fine, at, pattern)
            rows = cut(fine, moved, self.near)
            like = (normed(rows) @ normed(pattern)[:, :, None]).squeeze(2)
            pattern = (rows * share(there * (like > ALIKE).float())[:, :, None]).sum(1)
        slope = (pattern[:, 2:] - pattern[:, :-2]).square()
        middle = (slope * self.near[1:-1]).sum(1, keepdim=True) / (slope.sum(1, keepdim=True) + 1e-9)
        return moved + middle.clamp(-REACH, REACH).round(), like

    def rhythm(self, at: Tensor, there: Tensor, alike: Tensor, length: int) -> Tensor:
        """The figures beside the beat [batch, 7]."""
        rr, known = (at[:, 1:] - at[:, :-1]) / RATE, there[:, 1:]
        weight = share(known)
        mean = (rr * weight).sum(1)
        spread = ((rr - mean[:, None]).square() * weight).sum(1)
        change = ((rr[:, 1:] - rr[:, :-1]).square() * share(known[:, 1:])).sum(1)
        safe = mean.clamp(min=0.1)
        shortest = torch.where(known > 0, rr, 9.0).amin(1) / safe * known[:, 0]
        longest = (rr * known).amax(1) / safe
        rows = (mean, (spread + 1e-6).sqrt() / safe, 2 * (change + 1e-6).sqrt(), shortest, longest)
        figures = [row.clamp(max=3.0) for row in rows]
        return torch.stack((*figures, (alike * share(there)).sum(1), there.sum(1) * RATE / length), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            x = x.float()
            x = x - smooth(x, self.slow)
            taps = self.between.shape[2]
            odd = F.conv1d(F.pad(x, (taps // 2 - 1, taps // 2), mode="replicate"), self.between)
            fine = torch.stack((x, odd), 3).flatten(1)
            place, there = self.find(x)
            at, like = self.align(fine, 2 * place, there)
            inside = there * ((at >= BEFORE) & (at + AFTER <= 2 * x.shape[2])).float()
            inside = torch.where(inside.sum(1, keepdim=True) > 0, inside, there)
            alike = inside * (like > ALIKE).float()
            weight = share(torch.where(alike.sum(1, keepdim=True) > 0, alike, inside))[:, :, None]
            shown = cut(fine, at, self.window)
            mean = (shown * weight).sum(1)
            spread = ((shown - mean[:, None]).square() * weight).sum(1)
            slope = F.pad((mean[:, 2:] - mean[:, :-2]) * 5, (1, 1))
            height = mean.abs().amax(1, keepdim=True) + 0.05
            beat = torch.stack((mean, slope, ((spread + 1e-6).sqrt() * 3).clamp(max=2.0), mean / height), 1)
            return beat, self.rhythm(place, there, alike, x.shape[2])
