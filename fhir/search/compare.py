"""Comparisons of dates, numbers and quantities by their prefixes.

The searched value covers [low, high], a stored one its own range. Source: https://hl7.org/fhir/R4/search.html#prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?")
EPSILON = 1e-12  # of a conversion between units


def prefixed(text: str) -> tuple[str, str]:
    """A value's prefix, `eq` when it has none, and the rest."""
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def test(prefix: str, low: Any, high: Any) -> tuple[str, tuple[Any, ...]]:
    """The test of a stored range's `low` and `high`, and its values."""
    if prefix == "eq":
        return "low >= %s and high <= %s", (low, high)
    if prefix == "ne":
        return "not (low >= %s and high <= %s)", (low, high)
    if prefix == "gt":
        return "high > %s", (high,)
    if prefix == "lt":
        return "low < %s", (low,)
    if prefix == "ge":
        return "high >= %s", (low,)
    if prefix == "le":
        return "low <= %s", (high,)
    if prefix == "sa":
        return "low > %s", (high,)
    if prefix == "eb":
        return "high < %s", (low,)
    return "low <= %s and high >= %s", (high, low)


TESTS: dict[str, Callable[..., bool]] = {
    "low >= %s and high <= %s": lambda low, high, a, b: low >= a and high <= b,
    "not (low >= %s and high <= %s)": lambda low, high, a, b: not (low >= a and high <= b),
    "high > %s": lambda low, high, a: high > a,
    "low < %s": lambda low, high, a: low < a,
    "high >= %s": lambda low, high, a: high >= a,
    "low <= %s": lambda low, high, a: low <= a,
    "low > %s": lambda low, high, a: low > a,
    "high < %s": lambda low, high, a: high < a,
    "low <= %s and high >= %s": lambda low, high, a, b: low <= a and high >= b,
}


def passes(text: str, values: tuple[Any, ...]) -> Callable[[Any, Any], bool]:
    """What `test` gave, as a function of a stored range's ends."""
    held = TESTS[text]
    return lambda low, high: held(low, high, *values)


def decimal(text: str) -> Decimal | None:
    """A searched number; None when it is none."""
    if not NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def window(prefix: str, value: Decimal) -> tuple[Decimal, Decimal]:
    """What a searched number covers: half a unit of its last digit for `eq` and `ne`, a tenth for `ap`, else itself."""
    if prefix in ("eq", "ne"):
        exponent = value.as_tuple().exponent
        half = Decimal(5).scaleb(int(exponent) - 1)
        return value - half, value + half
    if prefix == "ap":
        return value - abs(value) / 10, value + abs(value) / 10
    return value, value


def around(prefix: str, low: float, high: float) -> tuple[float, float]:
    """The window's ends, moved by less than any digit, so that conversions do not shut an equal value out."""
    slack = max(abs(low), abs(high)) * EPSILON
    if prefix in ("eq", "ne", "ap"):
        return low - slack, high + slack
    if prefix in ("ge", "eb"):
        return low - slack, high
    if prefix in ("le", "sa"):
        return low, high + slack
    return low, high
