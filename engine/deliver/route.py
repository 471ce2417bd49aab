"""A destination by name, as its courier serves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.deliver.schedule import Schedule
from engine.types import Destination

SIDE_BY_SIDE = 4  # where the destination does not say how many connections it keeps


@dataclass(frozen=True, slots=True)
class Route:
    """A destination with its retry schedule and how many keys it serves side by side.

    `apart` says that each key is a far side of its own, so that one that asks to be left alone speaks for itself only; `idle` says that
    nothing can be due, which spares the look.
    """

    name: str
    destination: Destination
    retry: Schedule
    parallel: int = SIDE_BY_SIDE
    apart: bool = False
    idle: Callable[[], bool] | None = None


def side_by_side(destination: Destination) -> int:
    """How many parcels a destination can have on their way at once: as many as it keeps connections."""
    return max(1, int(getattr(destination, "connections", SIDE_BY_SIDE)))
