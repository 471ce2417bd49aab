"""Values of which many are made for each message. The type checker holds them to be frozen; at run time nothing watches.

A frozen dataclass sets its fields through `object.__setattr__`, which makes it three to four times as slow to make.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """The class as a dataclass with slots, equal and hashed by its fields."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
