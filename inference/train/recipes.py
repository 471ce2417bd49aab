"""The members of the shipped models: what each is, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from inference.models.network import Settings
from inference.train.loop import Recipe

VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Member:
    """A network of a model; `task` chooses records, leads and targets; a `teachers` are members trained before it."""

    name: str
    task: str  # twelve or lead_one
    settings: Settings
    recipe: Recipe
    teachers: tuple[str, ...] = ()
    soft: float = 0.5  # the teachers' share of the targets
    start: str = ""  # a member whose weights it begins with; of one that saw more leads, what fits
    ships: bool = True  # False for one that others only begin with


SMALL = Settings(leads=1, outputs=62, widths=(48, 64, 96, 128), kernels=(11, 9, 7, 5))
MEMBERS = (
    Member("a", "twelve", Settings(), Recipe(seed=1, epochs=15)),
    Member("c", "twelve", Settings(), Recipe(seed=3, epochs=12, rate=2e-3, whole=0.35), start="a"),
    Member("l", "lead_one", SMALL, Recipe(seed=4, epochs=14, first=3, others=0.5, lead_dropout=0.0), ships=False),
    Member(
        "d",
        "lead_one",
        SMALL,
        Recipe(seed=6, epochs=7, rate=1.2e-3, first=3, others=0.5, lead_dropout=0.0, whole=0.6),
        teachers=("a",),
        start="l",
    ),
)
