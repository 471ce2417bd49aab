"""`python -m inference.train --data FOLDER --out FOLDER`: trains every member, packs the models, writes the model card.

Run again it goes on where it was. With --only it trains some members; --pack packs what is trained without training further.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inference.models.beat_network import BeatNetwork, build
from inference.models.network import Network
from inference.train import card, ship
from inference.train.data import Records, Split, packed
from inference.train.distil import soften
from inference.train.loop import fit
from inference.train.recipes import MEMBERS, VERSION, Member
from inference.train.tasks import TASKS
from inference.train.wfdb_folder import official

TRAINED, VALIDATED = range(1, 9), 9


def records(folder: Path) -> Records:
    """Either form of PTB-XL; fold 10, where it is there, is dropped before anything looks at it."""
    found = packed(folder) if (folder / "labels.csv").exists() else official(folder)
    return found.take(found.fold <= VALIDATED)


def trained(member: Member, out: Path) -> Network | BeatNetwork | None:
    """A member's best averaged weights so far."""
    path = out / member.name / "average.pt"
    if not path.exists():
        return None
    network = build(member.settings)
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def train_split(member: Member, data: Records, out: Path) -> Split:
    """What a member learns from; a distilled one also from its teacher, which must be trained before it."""
    where = data.fold < VALIDATED
    split = TASKS[member.task].split(data, where)
    if member.recipe.angle:
        split = replace(split, signals=data.signals[where, :2])  # lead I is turned towards lead II
    teachers = []
    for name in member.teachers:
        teacher = trained(next(one for one in MEMBERS if one.name == name), out)
        if teacher is None:
            raise SystemExit(f"member {member.name} learns from {name}, which is not trained yet")
        teachers.append(teacher)
    return soften(split, data.signals[where], teachers, member.soft, member.recipe.exclusive) if teachers else split


def train(member: Member, data: Records, out: Path, console: Console) -> None:
    """Trains or goes on training one member."""
    task = TASKS[member.task]
    split = train_split(member, data, out)
    valid = task.split(data, (data.fold == VALIDATED) & task.judged(data))
    steps = len(split.signals) // member.recipe.batch
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(f"member {member.name}", total=steps * member.recipe.epochs)
        log = out / member.name / "log.jsonl"
        progress.advance(bar, steps * (len(log.read_text().splitlines()) if log.exists() else 0))
        start = out / member.start / "average.pt" if member.start else None
        folder = out / member.name
        fit(member.settings, member.recipe, split, valid, task.score, folder, console.print, lambda: progress.advance(bar), start)


def pack(data: Records, out: Path, notes: Sequence[str]) -> dict[str, ship.Shipped]:
    """Packs all tasks whose members are trained, and writes manifest and card."""
    target = out / "shipped"
    target.mkdir(parents=True, exist_ok=True)
    valid, shipped = data.take(data.fold == VALIDATED), {}
    for name, task in TASKS.items():
        networks = [network for one in MEMBERS if one.task == name and (network := trained(one, out))]
        if networks:
            shipped[name] = ship.pack(task, networks, valid, target, VERSION)
    ship.write(shipped, target)
    used = [one for one in MEMBERS if (out / one.name / "average.pt").exists()]
    entries, reports = {n: one.entry for n, one in shipped.items()}, {n: one.report for n, one in shipped.items()}
    made = card.facts(used, out, entries, reports, notes)
    (target / "card.json").write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    (target / "card.md").write_text(card.markdown(made), encoding="utf-8")
    return shipped


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m inference.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the official PTB-XL folder, or the packed array's")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, and `shipped` with the packed models")
    parser.add_argument("--only", nargs="*", default=[one.name for one in MEMBERS], help="members to train")
    parser.add_argument("--threads", type=int, default=0, help="processor threads; one is best where others work too")
    parser.add_argument("--pack", action="store_true", help="pack what is trained, train nothing")
    parser.add_argument("--note", action="append", default=[], help="a line for the model card")
    chosen = parser.parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    console = Console()
    data = records(chosen.data)
    for member in MEMBERS if not chosen.pack else ():
        if member.name in chosen.only:
            train(member, data, chosen.out, console)
    for name, one in pack(data, chosen.out, chosen.note).items():
        console.print(name, json.dumps({key: one.report[key] for key in ("macro_auroc", "macro_auroc_95", "ece", "records")}))


if __name__ == "__main__":
    main()
