"""The members of the shipped models: what each is, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from inference.models.network import Settings
from inference.train.loop import Recipe

VERSION = "1.2"


@dataclass(frozen=True, slots=True)
class Member:
    """A network of a model; `task` chooses records, leads and targets; `teachers` and `start` are members trained before it."""

    name: str
    task: str  # twelve or lead_one
    settings: Settings
    recipe: Recipe
    teachers: tuple[str, ...] = ()
    soft: float = 0.5  # the teachers' share of the targets
    start: str = ""  # a member of the same settings whose weights it begins with


MEMBERS = (
    Member("a", "twelve", Settings(), Recipe(seed=1, epochs=15)),
    Member("c", "twelve", Settings(turn=5), Recipe(seed=3, epochs=12, rate=2e-3, whole=0.35), start="a"),
    Member(
        "h",
        "lead_one",
        Settings(leads=1, outputs=62, stem=9, widths=(48, 96, 144), kernels=(9, 7, 5), dropout=0.3, beats=True),
        Recipe(
            seed=31,
            epochs=10,
            batch=128,
            rate=2e-3,
            first=3,
            others=1.0,
            lead_dropout=0.0,
            mixup=0.0,
            noise=0.004,
            angle=12.0,
            exclusive=True,
        ),
        teachers=("a", "c"),
        soft=0.7,
    ),
)
