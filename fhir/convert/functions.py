"""Functions this package adds to the mapping language (entry points `isthmus.functions`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir.convert import keys

RANGE = re.compile(r"\s*\(?\s*(-?\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(-?\d+(?:\.\d+)?)\s*\)?\s*\Z")
BELOW = re.compile(r"\s*(?:<=|≤|<)\s*(-?\d+(?:\.\d+)?)\s*\Z")
ABOVE = re.compile(r"\s*(?:>=|≥|>)\s*(-?\d+(?:\.\d+)?)\s*\Z")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the mapping language, in the shape the language asks for."""

    name: str
    does: str
    make: Callable[..., Callable[[Any], Any]]
    words: tuple[str, ...] = ()
    takes: str = "each"
    gives: str = "text"
    examples: tuple[Any, ...] = ()

    @property
    def least(self) -> int:
        """The least number of words."""
        return sum(not word.endswith("?") for word in self.words)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value.text)


def low(value: Any) -> str | None:
    """The lower bound of a reference range as laboratories write it (3.5-5.1, >=60)."""
    found = RANGE.match(_text(value)) or ABOVE.match(_text(value))
    return found[1] if found else None


def high(value: Any) -> str | None:
    """The upper bound of a reference range as laboratories write it (3.5-5.1, <5)."""
    text = _text(value)
    found = RANGE.match(text)
    if found:
        return found[2]
    below = BELOW.match(text)
    return below[1] if below else None


PATIENT_ID = Function(
    "patient_id", "The number that stands for the patient, with its assigning authority; two of one kind are refused.",
    lambda: keys.patient, takes="all",
)  # fmt: skip
PERSON_ID = Function(
    "person_id", "A person's number with its assigning authority, or the name where there is none.", lambda: keys.person
)
LINK_ID = Function("link_id", "The same for the person in an NDL.", lambda: keys.named_link)
ORGANIZATION_ID = Function(
    "organization_id", "An organization's number with its assigning authority, or its name.", lambda: keys.organization
)
PLACE_ID = Function(
    "place_id", "A place a location names, down to site, building, floor, ward, room or bed.", keys.place, words=("level",)
)
RANGE_LOW = Function("range_low", "The lower bound of a reference range such as 3.5-5.1 or >=60.", lambda: low)
RANGE_HIGH = Function("range_high", "The upper bound of a reference range such as 3.5-5.1 or <5.", lambda: high)
