"""Waveforms and arrays of numbers: NA, MA and SampledData.

Guide map NA[SampledData]. The rate, resolution and lead stand in other OBX segments, so the period is said to be unknown
here and the mapping may state it; the numbers are the ones sent, the origin their zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from engine.fault import Fault, Kind
from fhir.convert.numbers import NUMBER
from fhir.convert.rep import Components, Rep, whole

JSON = dict[str, Any]
UNKNOWN = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def _rows(value: Rep | str | Sequence[Rep]) -> list[list[str]]:
    reps = value if isinstance(value, (list, tuple)) else [whole(value)]  # type: ignore[arg-type]
    return [[rep[comp].strip() for comp in range(1, len(rep) + 1)] for rep in reps]


def _sampled(rows: list[list[str]], dimensions: int) -> JSON | Fault | None:
    points = [text for row in rows for text in row]
    if not any(points):
        return None
    if not all(NUMBER.match(text) for text in points if text):
        return Fault(Kind.INCORRECT, "E450", "a point of the array is no number")
    data = " ".join(text or "E" for text in points)
    return {"origin": {"value": Decimal(0)}, "_period": UNKNOWN, "dimensions": dimensions, "data": data}


def na(value: Rep | str | Sequence[Rep]) -> JSON | Fault | None:
    """NA as SampledData: one dimension, rows one after another; a point not sent is E (error)."""
    return _sampled(_rows(value), 1)


def ma(value: Rep | str | Sequence[Rep]) -> JSON | Fault | None:
    """MA as SampledData: each repetition holds one sample of every channel."""
    rows = _rows(value)
    return _sampled(rows, max(map(len, rows), default=1))


def from_na(value: JSON) -> Components:
    """SampledData of one dimension as NA."""
    return [["" if point == "E" else point] for point in value.get("data", "").split()]


def from_ma(value: JSON) -> Components:
    """The first sample of SampledData as MA; the mapping repeats the field for the others."""
    return from_na(value)[: value.get("dimensions", 1)]
