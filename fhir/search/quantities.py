"""Quantities as ranges of floats: as they stand, by unit, and in the canonical unit of their dimension (UCUM)."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

from fhir.search.hashing import ends, tag_packed
from fhir.ucum import parse

JSON = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
INFINITE = float("inf")


def ranges_of(id: str, mark: bytes, value: JSON) -> list[bytes]:
    """The ranges a Quantity, Money, Range or SampledData leaves."""
    if "low" in value or "high" in value:
        return between(id, mark, value.get("low", {}), value.get("high", {}))
    number = value.get("value")
    if number is None or isinstance(number, str):
        return []
    comparator = value.get("comparator", "")
    plain = ends(*edges(float(number), comparator))
    found = [mark + plain]
    unit = value.get("code") or value.get("unit") or value.get("currency")
    if unit:
        found.append(unit_tag(id, unit) + plain)
        held = in_base(number, unit) if value.get("system", UCUM) == UCUM else None
        if held is not None:
            found.append(base_tag(id, held[1]) + ends(*edges(held[0], comparator)))
    return found


def between(id: str, mark: bytes, first: JSON, last: JSON) -> list[bytes]:
    """A Range; an end that is not told is open."""
    low, high = first.get("value"), last.get("value")
    plain = ends(-INFINITE if low is None else float(low), INFINITE if high is None else float(high))
    found = [mark + plain]
    unit = first.get("code") or last.get("code") or first.get("unit") or last.get("unit")
    if unit:
        found.append(unit_tag(id, unit) + plain)
        based = [None if end is None else in_base(end, unit) for end in (low, high)]
        known = next((end for end in based if end is not None), None)
        if known is not None:
            edge = ends(based[0][0] if based[0] else -INFINITE, based[1][0] if based[1] else INFINITE)
            found.append(base_tag(id, known[1]) + edge)
    return found


def edges(number: float, comparator: str) -> tuple[float, float]:
    """What a number with a comparator covers."""
    return (
        -INFINITE if comparator in ("<", "<=") else number,
        INFINITE if comparator in (">", ">=") else number,
    )


def in_base(number: Decimal | float, unit: str) -> tuple[float, str] | None:
    """A value in the base units of its dimension, to a float's precision; None for a unit UCUM does not know."""
    found = base(unit)
    return (float(number) * found[0] + found[1], found[2]) if found is not None else None


@lru_cache(maxsize=4096)
def base(unit: str) -> tuple[float, float, str] | None:
    """A unit's factor, shift and dimension."""
    found = parse(unit)
    return (float(found.factor), float(found.shift), found.dimension) if found is not None else None


@lru_cache(maxsize=4096)
def unit_tag(id: str, unit: str) -> bytes:
    """Stands before a range in a unit as it was written."""
    return tag_packed(f"{id}|{unit}")


@lru_cache(maxsize=4096)
def base_tag(id: str, dimension: str) -> bytes:
    """Stands before a range in the base units of a dimension."""
    return tag_packed(f"{id}~{dimension}")
