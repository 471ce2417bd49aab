"""Trains the delineator's network on LUDB: `python -m inference.signal.train_delineator DATA/ludb OUT.npz [--half 0|1]` (needs torch).

Every lead of every record is labelled none, P, QRS or T at each sample between its first and last annotation. Crops are warped in
time (waves by up to 45 %; diastole apart from them up to eight times, so that fast rates are learnt), tilted, made noisy, low-passed
and turned over; the leads that speak together are sometimes few. `--half` leaves every other record out for the benchmark to judge.

The shipped weights: all 100 records, 96 epochs, seed 1. The same with half of the records (192 epochs, seed 0), judged on the other
half, mean ± SD over records in ms: P 0.1 ± 6.7, PR 0.6 ± 6.5, QRS 1.9 ± 6.6, QT 2.0 ± 9.5.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import wfdb
from numpy.typing import NDArray
from torch import nn

from inference.signal.features import features, scale
from inference.signal.filters import band

Array = NDArray[np.float32]

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
KINDS = {"p": 1, "N": 2, "t": 3}
LONGEST = {"p": 110, "N": 140, "t": 230}  # samples; a longer annotation is a slip
CROP = 2048
BATCH = 6
WIDTHS, KERNELS, UP = (20, 28, 40, 56), (5, 5, 5, 7), (5, 5, 7)


def read(folder: Path) -> list[tuple[Array, NDArray[np.int64], Array, NDArray[np.bool_]]]:
    """(leads, labels, trusted 0/1, diastole) of every record, in the order of their numbers."""
    records = []
    for name in sorted((path.stem for path in folder.glob("*.hea")), key=int):
        x = band((wfdb.rdrecord(str(folder / name)).p_signal.T * 1000).astype(np.float32), 500.0, 0.5, margin=2.0)
        label, trust = np.zeros(x.shape, np.int64), np.zeros(x.shape, np.float32)
        for row, lead in enumerate(LEADS):
            annotate(wfdb.rdann(str(folder / name), lead), label[row], trust[row])
        records.append((x, label, trust, diastole(label, trust)))
    return records


def annotate(note: Any, label: NDArray[np.int64], trust: Array) -> None:
    """Writes one lead's annotations; what has no onset or lasts too long is not trusted."""
    trust[max(0, int(note.sample.min()) - 20) : int(note.sample.max()) + 21] = 1
    for i, symbol in enumerate(note.symbol):
        if symbol not in KINDS:
            continue
        peak = int(note.sample[i])
        whole = 0 < i < len(note.symbol) - 1 and note.symbol[i - 1] == "(" and note.symbol[i + 1] == ")"
        first, last = (int(note.sample[i - 1]), int(note.sample[i + 1])) if whole else (peak - 100, peak + 100)
        if whole and last - first <= LONGEST[symbol]:
            label[first : last + 1] = KINDS[symbol]
        else:
            trust[max(0, first - 20) : last + 20] = 0


def diastole(label: NDArray[np.int64], trust: Array) -> NDArray[np.bool_]:
    """Samples between a T wave and what follows it, in no wave of any lead."""
    free = ~(label > 0).any(axis=0) & (trust > 0).any(axis=0)
    edges = np.flatnonzero(np.diff(np.r_[0, free.astype(np.int8), 0]))
    found = np.zeros(label.shape[1], np.bool_)
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first >= 25 and (label[:, max(0, first - 30) : first] == KINDS["t"]).any():
            found[first + 6 : last - 6] = True
    return found


def warp(length: int, slow: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Where in the record each sample of a crop comes from."""
    speed = float(np.clip(np.exp(rng.normal(0, 0.14)), 0.7, 1.45))
    apart = float(np.exp(rng.uniform(np.log(0.5), np.log(8)))) if rng.random() < 0.6 else 1.0
    out = np.cumsum(1.0 / np.where(slow, speed * apart, speed))
    if out[-1] < CROP + 4:
        out = np.cumsum(np.full(length, 1.0 / 0.9))
    start = float(np.clip(rng.uniform(-200, out[-1] - CROP + 200), out[0], out[-1] - CROP - 2))
    at: NDArray[np.float64] = np.interp(start + np.arange(CROP), out, np.arange(length))
    return np.minimum(np.maximum(at, 0.0), length - 2.0)


def spoil(given: Array, size: Array, rng: np.random.Generator) -> Array:
    """A crop with baseline wander, noise, mains, a low pass and turned-over leads, each now and then."""
    x: NDArray[np.float64] = given.astype(np.float64)
    t, leads = np.arange(x.shape[1]) / 500.0, len(x)
    if rng.random() < 0.5:
        phase = 2 * np.pi * (rng.uniform(0.1, 0.8, (leads, 1)) * t + rng.random((leads, 1)))
        x = x + rng.exponential(0.08, (leads, 1)) * size * np.sin(phase)
    if rng.random() < 0.5:
        x = x + rng.exponential(8.0) * rng.standard_normal(x.shape) * rng.uniform(0.3, 1.5, (leads, 1))
    if rng.random() < 0.25:
        mains = np.sin(2 * np.pi * (float(rng.choice([50, 60])) * t + rng.random((leads, 1))))
        x = x + rng.exponential(6.0) * rng.uniform(0, 1, (leads, 1)) * mains
    y = x.astype(np.float32)
    if rng.random() < 0.35:
        y = band(y, 500.0, 0.0, float(rng.choice([30, 40, 45, 60, 100])), margin=0.2)
    if rng.random() < 0.3:
        y = y * rng.choice([-1, 1], (leads, 1)).astype(np.float32)
    return y


def crop(record: tuple[Array, NDArray[np.int64], Array, NDArray[np.bool_]], rng: np.random.Generator) -> tuple[Array, ...]:
    """(features, labels, trust) of one crop of a record, a row a lead."""
    x, label, trust, slow = record
    at = warp(x.shape[1], slow, rng)
    low = at.astype(np.int64)
    part = (at - low).astype(np.float32)
    near = np.round(at).astype(np.int64)
    size = scale(x)
    y = spoil(x[:, low] * (1 - part) + x[:, low + 1] * part, size, rng)
    size = (size * np.exp(rng.normal(0, 0.15, (len(x), 1)))).astype(np.float32)
    choice = rng.random()
    if choice < 0.6:
        seen = features(y, size)
    elif choice < 0.85:
        seen = features(y, size, y[rng.permutation(len(y))[: rng.integers(1, 9)]])
    else:
        seen = np.concatenate([features(y[i : i + 1], size[i : i + 1]) for i in range(len(y))])
    return seen, label[:, near].astype(np.float32), trust[:, near]


def block(inside: int, out: int, k: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(nn.Conv1d(inside, out, k, padding=k // 2, bias=False), nn.BatchNorm1d(out), nn.ReLU())


class Net(nn.Module):
    """The network of net.py, to be trained."""

    def __init__(self) -> None:
        super().__init__()
        first = (16, *WIDTHS[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(block(a, b, k), block(b, b, k)) for a, b, k in zip(first, WIDTHS, KERNELS, strict=True)
        )
        self.join = nn.ModuleList(nn.Conv1d(WIDTHS[i + 1], WIDTHS[i], 1) for i in range(3))
        self.up = nn.ModuleList(block(WIDTHS[i], WIDTHS[i], UP[i]) for i in range(3))
        self.head = nn.Conv1d(WIDTHS[0], 16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits [batch, 4, n] of features [batch, 4, n]."""
        b, c, n = x.shape
        y = x.view(b, c, n // 4, 4).permute(0, 1, 3, 2).reshape(b, c * 4, n // 4)
        levels = []
        for i, down in enumerate(self.down):
            y = down(F.max_pool1d(y, 2) if i else y)
            levels.append(y)
        for i in (2, 1, 0):
            y = self.up[i](F.interpolate(self.join[i](y), scale_factor=2, mode="nearest") + levels[i])
        return torch.as_tensor(self.head(y).view(b, 4, 4, n // 4).permute(0, 1, 3, 2).reshape(b, 4, n))


def folded(sequence: Any) -> tuple[Array, Array]:
    """A block's convolution with its batch norm folded in."""
    conv, norm = sequence[0], sequence[1]
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return (conv.weight * factor[:, None, None]).detach().numpy(), (norm.bias - norm.running_mean * factor).detach().numpy()


def export(net: Any, out: Path) -> None:
    """Writes the weights as net.py reads them."""
    table: dict[str, Any] = {}
    for level in range(4):
        for half in (0, 1):
            table[f"down{level}{half}w"], table[f"down{level}{half}b"] = folded(net.down[level][half])
    for level in range(3):
        join = net.join[level]
        table[f"join{level}w"], table[f"join{level}b"] = join.weight.detach().numpy(), join.bias.detach().numpy()
        table[f"up{level}w"], table[f"up{level}b"] = folded(net.up[level])
    table["headw"], table["headb"] = net.head.weight.detach().numpy(), net.head.bias.detach().numpy()
    np.savez(out, **{name: value.astype(np.float16) for name, value in table.items()})


def train(records: list[Any], epochs: int, seed: int) -> Net:
    """Trains with AdamW, one cycle of the learning rate, and a running mean of the weights."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    net = Net()
    steps = epochs * len(records) // BATCH
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps + 1, pct_start=0.15)
    mean = {name: value.clone() for name, value in net.state_dict().items()}
    order: list[int] = []
    for step in range(steps):
        if len(order) < BATCH:
            order = rng.permutation(len(records)).tolist()
        crops = [crop(records[order.pop()], rng) for _ in range(BATCH)]
        seen, label, trust = (torch.from_numpy(np.concatenate([c[i] for c in crops])) for i in range(3))
        each = F.cross_entropy(net(seen), label.long(), reduction="none", label_smoothing=0.01)
        loss = (each * trust).sum() / trust.sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        keep = min(0.995, (1 + step) / (10 + step))
        for name, value in net.state_dict().items():
            mean[name] = mean[name] * keep + value * (1 - keep) if value.dtype.is_floating_point else value.clone()
        if step % 100 == 99:
            print(step + 1, steps, round(float(loss), 4), flush=True)
    net.load_state_dict(mean)
    return net.eval()


def main() -> None:
    """Reads the command line."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("folder", type=Path)
    reader.add_argument("out", type=Path)
    reader.add_argument("--half", type=int, choices=(0, 1))
    reader.add_argument("--epochs", type=int, default=96)
    reader.add_argument("--seed", type=int, default=1)
    given = reader.parse_args()
    records = read(given.folder)
    if given.half is not None:
        records = records[given.half :: 2]
    export(train(records, given.epochs, given.seed), given.out)


if __name__ == "__main__":
    main()
