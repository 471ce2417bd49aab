"""The members of the shipped models: what each is, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from inference.models.network import Settings
from inference.train.loop import Recipe

VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Member:
    """A network of a model; `task` chooses records, leads and targets; a `teacher` is a member trained before it."""

    name: str
    task: str  # twelve or lead_one
    settings: Settings
    recipe: Recipe
    teacher: str = ""
    soft: float = 0.5  # the teacher's share of the targets
    start: str = ""  # a member whose weights it begins with


MEMBERS = (
    Member("a", "twelve", Settings(), Recipe(seed=1, epochs=16)),
    Member(
        "b",
        "twelve",
        Settings(widths=(64, 128, 192), kernels=(11, 9, 7), attention=2),
        Recipe(seed=2, epochs=14, rate=1.5e-3),
    ),
    Member(
        "l",
        "lead_one",
        Settings(leads=1, outputs=62, widths=(48, 64, 96, 128), kernels=(11, 9, 7, 5)),
        Recipe(seed=4, epochs=14, first=3, others=0.5, lead_dropout=0.0),
    ),
    Member(
        "m",
        "lead_one",
        Settings(leads=1, outputs=62, widths=(48, 96, 160), kernels=(15, 11, 9), attention=2),
        Recipe(seed=5, epochs=12, rate=1.5e-3, first=3, others=0.6, lead_dropout=0.0, whole=0.35),
        teacher="a",
    ),
)
