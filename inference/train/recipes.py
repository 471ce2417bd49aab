"""The members of the shipped models: what each is, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from inference.models.network import Settings
from inference.train.loop import Recipe

VERSION = "1.1"


@dataclass(frozen=True, slots=True)
class Member:
    """A network of a model; `task` chooses records, leads and targets; `teachers` and `start` are members trained before it."""

    name: str
    task: str  # twelve or lead_one
    settings: Settings
    recipe: Recipe
    teachers: tuple[str, ...] = ()
    soft: float = 0.5  # the teachers' share of the targets
    start: str = ""  # a member whose weights it begins with; of one that saw more leads, what fits


MEMBERS = (
    Member("a", "twelve", Settings(), Recipe(seed=1, epochs=15)),
    Member("c", "twelve", Settings(turn=5), Recipe(seed=3, epochs=12, rate=2e-3, whole=0.35), start="a"),
    Member(
        "e",
        "lead_one",
        Settings(leads=1, outputs=62),
        Recipe(seed=8, epochs=12, whole=0.2, rate=2e-3, first=3, others=1.0, lead_dropout=0.0, mixup=0.2, exclusive=True),
        teachers=("a", "c"),
        start="c",
    ),
)
