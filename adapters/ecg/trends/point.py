"""One value of a trend, and how it is told to clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a series at the recorder's local time `at`; None where the recorder says it holds none."""

    at: datetime
    series: str
    minimum: Decimal | None
    average: Decimal | None
    maximum: Decimal | None
    valid: bool


@dataclass(frozen=True, slots=True)
class Export:
    """A Holter export: which recording it is of, and its values. The same recording has the same id in every export."""

    id: UUID
    patient: str
    start: datetime | None
    device: str
    scan: str
    digest: str
    points: tuple[Point, ...]
    warnings: tuple[str, ...] = ()


def told(point: Point, zone: tzinfo | None = None, iso: bool = False) -> dict[str, Any]:
    """The point as JSON. A value that is not there is null and says why, in the codes of FHIR's data-absent-reason."""
    values = {"min_value": point.minimum, "avg_value": point.average, "max_value": point.maximum}
    why = "not-applicable" if point.valid else "error"
    absent = {name: why for name, value in values.items() if value is None}
    row: dict[str, Any] = {
        "trend_type": point.series,
        "date_time_hl7": point.at.strftime("%Y%m%d%H%M%S"),
        **values,
        "valid": point.valid,
    }
    row |= {"data_absent_reason": absent} if absent else {}
    return row | ({"date_time_iso": iso_time(point.at, zone)} if iso else {})


def iso_time(at: datetime, zone: tzinfo | None) -> str:
    """The time with its offset where the recorder's zone is known, and without one where it is not: never a made-up UTC."""
    return (at.replace(tzinfo=zone) if zone else at).isoformat().replace("+00:00", "Z")
