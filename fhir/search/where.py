"""Conditions on a resource, in two forms: pieces of SQL with their values, and a test of one resource in memory.

SQL is composed from fixed text, values always bound. The test sees what is stored beside a resource; a condition that only the
database can judge has none.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fhir.search.compare import passes
from fhir.search.hashing import LENGTH

if TYPE_CHECKING:
    from fhir.search.extract import Entries

DOUBLE = struct.Struct("!d")
ENDS = struct.Struct("!4xd4xd")


@dataclass(frozen=True, slots=True)
class Row:
    """One version of a resource with what is stored beside it."""

    key: UUID
    updated: datetime
    entries: Entries
    body: dict[str, Any]


Holds = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on `r`, a row of fhir.resource, and the values of its placeholders in order; `holds` tests a Row."""

    sql: str
    values: tuple[Any, ...] = ()
    holds: Holds | None = field(default=None, compare=False, repr=False)


RANGED = (
    "exists (select from (select r.ranges[i + 1] as low, r.ranges[i + 2] as high"
    " from generate_series(1, cardinality(r.ranges), 3) i where r.ranges[i] = %s) held where TEST)"
)
NEVER = Where("false", (), lambda row: False)
ALWAYS = Where("true", (), lambda row: True)


def every(parts: Sequence[Where]) -> Where:
    """All conditions hold."""
    return _joined(parts, " and ", ALWAYS)


def some(parts: Sequence[Where]) -> Where:
    """One of the conditions holds."""
    return _joined(parts, " or ", NEVER)


def negated(part: Where) -> Where:
    """The condition does not hold."""
    return Where("not coalesce((" + part.sql + "), false)", part.values, part.holds and _not(part.holds))


def _joined(parts: Sequence[Where], word: str, empty: Where) -> Where:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty
    tests = [part.holds for part in parts if part.holds is not None]
    holds: Holds | None = None
    if len(tests) == len(parts):
        holds = _all(tests) if word == " and " else _any(tests)
    values = tuple(value for part in parts for value in part.values)
    return Where("(" + word.join(part.sql for part in parts) + ")", values, holds)


def _all(tests: Sequence[Holds]) -> Holds:
    return lambda row: all(test(row) for test in tests)


def _not(test: Holds) -> Holds:
    return lambda row: not test(row)


def _any(tests: Sequence[Holds]) -> Holds:
    return lambda row: any(test(row) for test in tests)


def tokens(numbers: Sequence[int]) -> Where:
    """One of these stands in the index."""
    wanted = _packed(numbers)
    holds: Holds = lambda row: not wanted.isdisjoint(row.entries.tokens)  # noqa: E731
    return Where("r.tokens && %s::bigint[]", (list(numbers),), holds) if numbers else NEVER


def exact(numbers: Sequence[int]) -> Where:
    """One of these stands beside the index."""
    wanted = _packed(numbers)
    holds: Holds = lambda row: not wanted.isdisjoint(row.entries.exact)  # noqa: E731
    return Where("r.exact && %s::bigint[]", (list(numbers),), holds) if numbers else NEVER


def _packed(numbers: Sequence[int]) -> frozenset[bytes]:
    """Numbers as the extractors leave them."""
    return frozenset(LENGTH + number.to_bytes(8, "big", signed=True) for number in numbers)


def ranged(tag: float, test: str, values: tuple[Any, ...]) -> Where:
    """One of the ranges with this tag passes a test on its ends, `low` and `high`."""
    mark, inside = LENGTH + DOUBLE.pack(tag), passes(test, values)

    def holds(row: Row) -> bool:
        return any(one.startswith(mark) and inside(*ENDS.unpack_from(one, 12)) for one in row.entries.ranges)

    return Where(RANGED.replace("TEST", test), (tag, *values), holds)


def there(body: dict[str, Any], names: Sequence[str]) -> bool:
    """Whether an element stands at the end of these names."""
    found: list[Any] = [body]
    for name in names:
        below = [one.get(name) for one in found if isinstance(one, dict)]
        found = [value for one in below if one is not None for value in (one if isinstance(one, list) else [one])]
    return bool(found)
