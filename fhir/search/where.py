"""Conditions on a resource, in two forms: pieces of SQL with their values, and a test of one resource in memory.

SQL is composed from fixed text, values always bound. The test sees what is stored beside a resource; a condition that only the
database can judge has none. Each condition also says what finds its rows, so that `plan` can choose a short way to them.
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
    from fhir.search.entries import Entries

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
# Found by no index; by its words; by its tokens, which may be many; by tokens that few rows share; by a column that few rows share.
SCAN, WORDS, LOOK, FEW, OWN = range(5)
NUMBERS = (13, 0)  # bits and base: 8,192 numbers stand in the index under one more token, so that it can be asked for a stretch
DAYS = (36, 1 << 61)  # and so do the begins of 19 hours
TOKENS = f"(r.tokens || array[r.num >> {NUMBERS[0]}, coalesce(r.low >> {DAYS[0]}, 0) + {DAYS[1]}])"  # the indexed expression


@dataclass(frozen=True, slots=True)
class Span:
    """What a condition on time leaves open: its column is `low` (with an end `high`) or `updated`; None is no limit."""

    column: str
    least: Any = None  # the row ends not before this
    most: Any = None  # it begins not after this
    begin: Any = None  # and not before this


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on `r`, a row of fhir.resource, and the values of its placeholders in order; `holds` tests a Row."""

    sql: str
    values: tuple[Any, ...] = ()
    holds: Holds | None = field(default=None, compare=False, repr=False)
    by: int = SCAN
    span: Span | None = None


RANGED = (
    "exists (select from (select r.ranges[i + 1] as low, r.ranges[i + 2] as high"
    " from generate_series(1, cardinality(r.ranges), 3) i where r.ranges[i] = %s) held where TEST)"
)
NEVER = Where("false", (), lambda row: False, OWN)
ALWAYS = Where("true", (), lambda row: True)


def every(parts: Sequence[Where]) -> Where:
    """All conditions hold: the best of their indexes finds the rows, and their spans narrow each other."""
    spans = [part.span for part in parts if part.span is not None]
    same = [span for span in spans if span.column == spans[0].column]
    least, most, begin = (
        [end for span in same if (end := getattr(span, name)) is not None] for name in ("least", "most", "begin")
    )
    limits = max(least, default=None), min(most, default=None), max(begin, default=None)
    span = Span(same[0].column, *limits) if same else None
    return _joined(parts, " and ", ALWAYS, max((part.by for part in parts), default=SCAN), span)


def some(parts: Sequence[Where]) -> Where:
    """One of the conditions holds: the worst of their indexes bounds the rows."""
    return _joined(parts, " or ", NEVER, min((part.by for part in parts), default=OWN), None)


def negated(part: Where) -> Where:
    """The condition does not hold."""
    return Where("not coalesce((" + part.sql + "), false)", part.values, part.holds and _not(part.holds))


def _joined(parts: Sequence[Where], word: str, empty: Where, by: int, span: Span | None) -> Where:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty
    tests = [part.holds for part in parts if part.holds is not None]
    holds: Holds | None = None
    if len(tests) == len(parts):
        holds = _all(tests) if word == " and " else _any(tests)
    values = tuple(value for part in parts for value in part.values)
    return Where("(" + word.join(part.sql for part in parts) + ")", values, holds, by, span)


def _all(tests: Sequence[Holds]) -> Holds:
    if len(tests) > 2:
        return _all([_all(tests[:2]), *tests[2:]])  # pairs: a generator would cost more than the tests
    first, second = tests
    return lambda row: first(row) and second(row)


def _not(test: Holds) -> Holds:
    return lambda row: not test(row)


def _any(tests: Sequence[Holds]) -> Holds:
    return lambda row: any(test(row) for test in tests)


def looked(where: Where) -> str:
    """A condition's text; where a column finds few rows, the index of tokens is kept out of it, for it could only hold the search up."""
    return where.sql.replace(TOKENS, "r.tokens") if where.by == OWN else where.sql


def tokens(numbers: Sequence[int], by: int = LOOK) -> Where:
    """One of these stands in the index."""
    wanted = _packed(numbers)
    holds: Holds = lambda row: not wanted.isdisjoint(row.entries.tokens)  # noqa: E731
    return Where(f"{TOKENS} && %s::bigint[]", (list(numbers),), holds, by) if numbers else NEVER


def stretch(of: range, base: int) -> Where:
    """In one of these stretches of the order."""
    return Where(f"{TOKENS} && %s::bigint[]", ([base + one for one in of],))


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
