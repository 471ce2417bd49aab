"""Texts with named places, `Alert: {title}`: a place is a name of a fixed list and nothing else, so data can neither run nor be reached."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.fault import Fault, Kind

_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and names in turn: text, name, text, … text."""

    parts: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names it holds."""
        return frozenset(self.parts[1::2])

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with the values put in, unread; a name without a value is left empty."""
        return "".join(values.get(part, "") if place % 2 else part for place, part in enumerate(self.parts))


def template(text: str, names: Collection[str], at: str = "") -> Template | Fault:
    """Reads a template; a name that is not of the list is a Fault."""
    parts = tuple(_PLACE.split(text))
    for name in parts[1::2]:
        if name not in names:
            help = f"its names: {', '.join(sorted(names))}"
            return Fault(Kind.INCORRECT, "E728", f"a text cannot name {{{name[:40]}}}", at, help)
    return Template(parts)
