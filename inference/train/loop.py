"""The training loop: one-cycle AdamW, mixup, crops, lead dropout, averaged weights; every epoch leaves a checkpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.models.network import Network, Settings

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one member is trained. The defaults made the shipped weights."""

    seed: int = 1
    epochs: int = 20
    batch: int = 64
    rate: float = 2.5e-3
    decay: float = 0.05
    crop: int = 500  # samples a record shows in the early epochs
    whole: float = 0.3  # the last part of the epochs sees whole records
    mixup: float = 0.3
    lead_dropout: float = 0.08
    noise: float = 0.01  # mV
    average: float = 0.998
    focus: float = 1.0  # weight of the group of labels that decides
    first: int = 5  # how many outputs that group has
    others: float = 0.6


@dataclass(frozen=True, slots=True)
class Split:
    """Signals [n, leads, 1000], targets and known [n, outputs]."""

    signals: Array
    targets: Array
    known: Array


def augment(x: Tensor, recipe: Recipe, crop: int, dice: np.random.Generator) -> Tensor:
    """[batch, leads, 1000] → [batch, leads, crop]: another stretch of time, strength, some noise, some leads silent."""
    batch, leads, length = x.shape
    if crop < length:
        starts = dice.integers(0, length - crop + 1, batch)
        x = torch.stack([one[:, at : at + crop] for one, at in zip(x, starts, strict=True)])
    else:
        shift = dice.integers(-100, 101, batch)
        x = torch.stack([torch.roll(one, int(by), 1) for one, by in zip(x, shift, strict=True)])
    scale = torch.from_numpy(np.exp(dice.normal(0, 0.08, (batch, 1, 1))).astype(np.float32))
    keep = torch.from_numpy((dice.random((batch, leads, 1)) >= recipe.lead_dropout).astype(np.float32))
    some = torch.from_numpy((dice.random((batch, 1, 1)) < 0.5).astype(np.float32))
    noise = torch.from_numpy(dice.standard_normal(x.shape, dtype=np.float32)) * recipe.noise
    if leads == 1:
        keep = torch.ones_like(keep)
    return x * scale * (keep * some + 1 - some) + noise


def loss_of(logits: Tensor, target: Tensor, known: Tensor, recipe: Recipe) -> Tensor:
    """Binary cross-entropy over what is known; the deciding group weighs as `focus`, all others together as `others`."""
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * known
    first = each[:, : recipe.first].sum() / known[:, : recipe.first].sum().clamp(min=1)
    if logits.shape[1] == recipe.first:
        return first
    rest = each[:, recipe.first :].sum() / known[:, recipe.first :].sum().clamp(min=1)
    return recipe.focus * first + recipe.others * rest


def predict(model: nn.Module, signals: Array, batch: int = 128) -> Array:
    """Logits [n, outputs] in float32."""
    model.eval()
    with torch.inference_mode():
        parts = [model(torch.from_numpy(signals[at : at + batch])).numpy() for at in range(0, len(signals), batch)]
    return np.concatenate(parts)


def fit(
    settings: Settings,
    recipe: Recipe,
    train: Split,
    valid: Split,
    score: Callable[[Array, Array], float],
    out: Path,
    patience: int = 8,
    say: Callable[[str], None] = print,
) -> Network:
    """Trains one member, resuming from `out`/state.pt; leaves average.pt of the best averaged weights and log.jsonl."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    model = Network(settings).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = Network(settings)
    mean.load_state_dict(model.state_dict())
    steps = len(train.signals) // recipe.batch
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": recipe.decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=recipe.epochs * steps + 1, pct_start=0.25)
    begin, best, spent = 0, (0.0, -1), 0.0
    if (out / "state.pt").exists():
        state = torch.load(out / "state.pt", weights_only=True)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        begin, best, spent = state["epoch"], tuple(state["best"]), state["spent"]
    (out / "recipe.json").write_text(json.dumps({"settings": asdict(settings), "recipe": asdict(recipe)}, indent=1))
    for epoch in range(begin, recipe.epochs):
        started = time.monotonic()
        dice = np.random.default_rng((recipe.seed, epoch))
        torch.manual_seed(recipe.seed * 1000 + epoch)
        crop = 1000 if epoch >= round(recipe.epochs * (1 - recipe.whole)) else recipe.crop
        order, total = dice.permutation(len(train.signals)), 0.0
        model.train()
        for step in range(steps):
            pick = order[step * recipe.batch : (step + 1) * recipe.batch]
            x = augment(torch.from_numpy(train.signals[pick]), recipe, crop, dice)
            y, known = torch.from_numpy(train.targets[pick]), torch.from_numpy(train.known[pick])
            if recipe.mixup > 0:
                share = float(dice.beta(recipe.mixup, recipe.mixup))
                share = max(share, 1 - share)
                x, y, known = share * x + (1 - share) * x.flip(0), share * y + (1 - share) * y.flip(0), known * known.flip(0)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(x)
            loss = loss_of(logits.float(), y, known, recipe)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
            weight = min(recipe.average, (1 + epoch * steps + step) / (10 + epoch * steps + step))
            with torch.no_grad():
                for ours, theirs in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
                    if ours.dtype.is_floating_point:
                        ours.lerp_(theirs, 1 - weight)
                    else:
                        ours.copy_(theirs)
        reached = score(predict(mean, valid.signals), valid.targets)
        raw = score(predict(model, valid.signals), valid.targets) if epoch == recipe.epochs - 1 else 0.0
        spent += time.monotonic() - started
        if reached > best[0]:
            best = (reached, epoch)
            torch.save(mean.state_dict(), out / "average.pt")
        row = {"epoch": epoch + 1, "loss": total / steps, "valid": reached, "raw": raw, "seconds": round(spent, 1)}
        with (out / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        say(json.dumps(row))
        torch.save(
            {"model": model.state_dict(), "mean": mean.state_dict(), "optimizer": optimizer.state_dict(),
             "schedule": schedule.state_dict(), "epoch": epoch + 1, "best": list(best), "spent": spent},
            out / "state.tmp",
        )  # fmt: skip
        (out / "state.tmp").replace(out / "state.pt")
        if epoch - best[1] >= patience:
            break
    mean.load_state_dict(torch.load(out / "average.pt", weights_only=True))
    return mean
