"""Pieces of SQL with their values: composed from fixed text, values always bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on `r`, a row of fhir.resource, and the values of its placeholders in order."""

    sql: str
    values: tuple[Any, ...] = ()


RANGED = (
    "exists (select from (select r.ranges[i + 1] as low, r.ranges[i + 2] as high"
    " from generate_series(1, cardinality(r.ranges), 3) i where r.ranges[i] = %s) held where TEST)"
)
NEVER = Where("false")
ALWAYS = Where("true")


def every(parts: Sequence[Where]) -> Where:
    """All conditions hold."""
    return _joined(parts, " and ", ALWAYS)


def some(parts: Sequence[Where]) -> Where:
    """One of the conditions holds."""
    return _joined(parts, " or ", NEVER)


def negated(part: Where) -> Where:
    """The condition does not hold."""
    return Where("not coalesce((" + part.sql + "), false)", part.values)


def _joined(parts: Sequence[Where], word: str, empty: Where) -> Where:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty
    return Where("(" + word.join(part.sql for part in parts) + ")", tuple(value for part in parts for value in part.values))


def tokens(numbers: Sequence[int]) -> Where:
    """One of these stands in the index."""
    return Where("r.tokens && %s::bigint[]", (list(numbers),)) if numbers else NEVER


def exact(numbers: Sequence[int]) -> Where:
    """One of these stands beside the index."""
    return Where("r.exact && %s::bigint[]", (list(numbers),)) if numbers else NEVER


def ranged(tag: float, test: str, values: tuple[Any, ...]) -> Where:
    """One of the ranges with this tag passes a test on its ends, `low` and `high`."""
    return Where(RANGED.replace("TEST", test), (tag, *values))
