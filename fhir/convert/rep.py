"""What a converter is handed: one repetition of an HL7 v2 field, its components counted from 1.

Components that are not there read as ''. A component path gives bare text instead of a Rep; `whole` lets composite
converters take either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

Components = list[list[str]]  # what a converter back to HL7 gives: components of sub-components


class Rep(Protocol):
    """One repetition of a field."""

    def __getitem__(self, comp: int, /) -> str: ...

    def sub(self, comp: int, sub: int, /) -> str:
        """The sub-component's text, '' when absent; both count from 1."""
        ...

    def __len__(self) -> int: ...


class Parts:
    """A Rep over plain lists: for a bare component, and for what a converter gave back."""

    __slots__ = ("components",)

    def __init__(self, components: Components) -> None:
        self.components = components

    def __getitem__(self, comp: int) -> str:
        return self.sub(comp, 1)

    def sub(self, comp: int, sub: int) -> str:
        """The sub-component's text."""
        parts = self.components
        if comp > len(parts) or sub > len(parts[comp - 1]):
            return ""
        return parts[comp - 1][sub - 1]

    def __len__(self) -> int:
        return len(self.components)


def whole(value: Rep | str) -> Rep:
    """The value as a Rep: a bare text is its first component."""
    return Parts([[value]]) if isinstance(value, str) else value


def first(value: Rep | str) -> str:
    """The text of a primitive value, blanks around it dropped."""
    return (value if value.__class__ is str else value[1]).strip()


def lift(value: Rep, comp: int, width: int = 8) -> Parts:
    """A component read as a value of its own: its sub-components become components."""
    return Parts([[value.sub(comp, n)] for n in range(1, width + 1)])


def lower(components: Components) -> list[str]:
    """The reverse of `lift`: components flattened to the sub-components of one component."""
    return trim([part[0] if part else "" for part in components])


def trim(parts: Iterable[str]) -> list[str]:
    """The texts without the empty ones at the end, never fewer than one."""
    kept = list(parts)
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    return kept or [""]


def compose(parts: dict[int, str | list[str]]) -> Components:
    """Components from their numbers; gaps become empty, empty ones at the end are left out."""
    filled = [number for number, part in parts.items() if (any(part) if isinstance(part, list) else part)]
    if not filled:
        return []
    rows: Components = []
    for number in range(1, max(filled) + 1):
        part = parts.get(number, "")
        rows.append(trim(part) if isinstance(part, list) else [part])
    return rows
