"""The training loop: one-cycle AdamW, crops, mixup, averaged weights; every epoch leaves a checkpoint to resume from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.models.beat_network import BeatNetwork, build
from inference.models.network import Network, Settings
from inference.train.augment import disturb, mix, stretch, turn
from inference.train.data import Split

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one member is trained."""

    seed: int = 1
    epochs: int = 18
    batch: int = 64
    rate: float = 2.5e-3
    decay: float = 0.05
    crop: int = 500  # samples a record shows in the early epochs
    whole: float = 0.3  # the last part of the epochs sees whole records
    mixup: float = 0.3
    lead_dropout: float = 0.08
    noise: float = 0.01  # mV
    average: float = 0.998
    first: int = 5  # how many outputs decide
    others: float = 0.6  # what all other outputs together weigh, the deciding ones being 1
    patience: int = 8  # epochs without a better score after which it ends
    angle: float = 0.0  # degrees by which lead I is turned in the frontal plane, one standard deviation; it takes I and II
    exclusive: bool = False  # the deciding outputs exclude one another: a softmax over them is trained


def one_cycle(progress: float, peak: float) -> tuple[float, float]:
    """(rate, first beta) at a share of the training: up over a quarter, down over the rest (Smith, 2018)."""
    warm = 0.25
    if progress < warm:
        up = (1 - cos(pi * progress / warm)) / 2
        return peak * (0.04 + 0.96 * up), 0.95 - 0.1 * up
    down = (1 + cos(pi * (progress - warm) / (1 - warm))) / 2
    return peak * (4e-6 + (1 - 4e-6) * down), 0.95 - 0.1 * down


def loss_of(logits: Tensor, target: Tensor, known: Tensor, recipe: Recipe) -> Tensor:
    """Cross-entropy over what is known: the mean over the deciding outputs, and a share of that over the others.

    It is binary for each output; where the deciding ones exclude one another, it is that of a softmax over them.
    """
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * known
    cut = recipe.first
    if recipe.exclusive:
        each = torch.cat((-target[:, :cut] * F.log_softmax(logits[:, :cut], 1) * known[:, :cut], each[:, cut:]), 1)
    first = each[:, :cut].sum() / known[:, :cut].sum().clamp(min=1)
    if logits.shape[1] == cut:
        return first
    return first + recipe.others * each[:, cut:].sum() / known[:, cut:].sum().clamp(min=1)


def predict(model: nn.Module, signals: Array, device: torch.device, batch: int = 128) -> Array:
    """Logits [n, outputs] in float32."""
    model.eval()
    with torch.inference_mode():
        pieces = (torch.from_numpy(signals[at : at + batch]).to(device) for at in range(0, len(signals), batch))
        return np.concatenate([model(piece).float().cpu().numpy() for piece in pieces])


@dataclass(slots=True)
class Run:
    """One member's training as it stands."""

    model: Network | BeatNetwork
    mean: Network | BeatNetwork
    optimizer: torch.optim.Optimizer
    device: torch.device
    epoch: int = 0
    best: tuple[float, int] = (0.0, -1)
    spent: float = 0.0


def begin(settings: Settings, recipe: Recipe, out: Path, start: Path | None = None) -> Run:
    """A fresh run, perhaps from another's weights in `start`, or the one `out`/state.pt holds."""
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model, mean = build(settings), build(settings)
    if start:
        model.load_state_dict(torch.load(start, weights_only=True, map_location="cpu"))
    mean.load_state_dict(model.state_dict())
    model, mean = model.to(device, memory_format=torch.channels_last), mean.to(device)  # type: ignore[call-overload]
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.decay}, {"params": plain, "weight_decay": 0.0}]
    run = Run(model, mean, torch.optim.AdamW(groups, lr=recipe.rate), device)
    if (out / "state.pt").exists():
        state = torch.load(out / "state.pt", weights_only=True, map_location=device)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.epoch, run.best, run.spent = state["epoch"], (state["best"][0], state["best"][1]), state["spent"]
    return run


def save(run: Run, out: Path) -> None:
    """Leaves state.pt, all or nothing."""
    state: dict[str, Any] = {"model": run.model.state_dict(), "mean": run.mean.state_dict()}
    state |= {"optimizer": run.optimizer.state_dict(), "epoch": run.epoch, "best": list(run.best), "spent": run.spent}
    torch.save(state, out / "state.tmp")
    (out / "state.tmp").replace(out / "state.pt")


def batches(train: Split, recipe: Recipe, epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """One epoch's batches, the same on every run with this seed."""
    dice = np.random.default_rng((recipe.seed, epoch))
    length = train.signals.shape[2]
    crop = length if epoch >= round(recipe.epochs * (1 - recipe.whole)) else recipe.crop
    order = dice.permutation(len(train.signals))
    for step in range(len(order) // recipe.batch):
        pick = order[step * recipe.batch : (step + 1) * recipe.batch]
        x = torch.from_numpy(train.signals[pick])
        x = turn(x, recipe.angle, dice) if recipe.angle else x
        x = disturb(stretch(x, crop, dice), recipe.lead_dropout, recipe.noise, dice)
        yield mix((x, torch.from_numpy(train.targets[pick]), torch.from_numpy(train.known[pick])), recipe.mixup, dice)


def average(mean: nn.Module, model: nn.Module, step: int, most: float) -> None:
    """Moves the averaged weights a little towards the model's; at first they follow closely."""
    weight = min(most, (1 + step) / (10 + step))
    with torch.no_grad():
        for ours, theirs in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
            if ours.dtype.is_floating_point:
                ours.lerp_(theirs, 1 - weight)
            else:
                ours.copy_(theirs)


def one_epoch(run: Run, train: Split, recipe: Recipe, tick: Callable[[], None]) -> float:
    """Trains for an epoch; the mean loss."""
    steps, total = len(train.signals) // recipe.batch, 0.0
    torch.manual_seed(recipe.seed * 1000 + run.epoch)
    run.model.train()
    for step, parts in enumerate(batches(train, recipe, run.epoch), run.epoch * steps):
        rate, beta = one_cycle(step / (recipe.epochs * steps), recipe.rate)
        for group in run.optimizer.param_groups:
            group["lr"], group["betas"] = rate, (beta, 0.999)
        x, y, known = (part.to(run.device) for part in parts)
        with torch.autocast(run.device.type, torch.bfloat16):
            logits = run.model(x)
        loss = loss_of(logits.float(), y, known, recipe)
        run.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
        run.optimizer.step()
        average(run.mean, run.model, step, recipe.average)
        total += float(loss.detach())
        tick()
    return total / steps


def fit(
    settings: Settings,
    recipe: Recipe,
    train: Split,
    valid: Split,
    score: Callable[[Array, Array], float],
    out: Path,
    say: Callable[[str], None] = print,
    tick: Callable[[], None] = lambda: None,
    start: Path | None = None,
) -> Network | BeatNetwork:
    """Trains one member, resuming from `out`; leaves average.pt with the best averaged weights, and log.jsonl."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.json").write_text(json.dumps({"settings": asdict(settings), "recipe": asdict(recipe)}, indent=1))
    run = begin(settings, recipe, out, start)
    while run.epoch < recipe.epochs and run.epoch - run.best[1] <= recipe.patience:
        started = time.monotonic()
        loss = one_epoch(run, train, recipe, tick)
        reached = score(predict(run.mean, valid.signals, run.device), valid.targets)
        run.spent += time.monotonic() - started
        run.epoch += 1
        if reached > run.best[0]:
            run.best = (reached, run.epoch - 1)
            torch.save(run.mean.state_dict(), out / "average.pt")
        row = {"epoch": run.epoch, "loss": round(loss, 5), "valid": round(reached, 5), "seconds": round(run.spent, 1)}
        with (out / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        say(json.dumps(row))
        save(run, out)
    run.mean.load_state_dict(torch.load(out / "average.pt", weights_only=True, map_location=run.device))
    return run.mean.cpu().eval()
