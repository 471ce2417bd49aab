"""Mortara Holter trend exports (`HOLTER_STATISTICS`): minimum, average and maximum over time, no tracing.

A series that states MIN_VALID or MAX_VALID FALSE holds meaningless zeros there: they become None. Times are local without zone,
as the export has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lxml.etree import _Element

from adapters.ecg import times
from adapters.ecg.mortara import device, patient
from adapters.ecg.recording import Device, Patient, bad
from adapters.ecg.xml_tools import each, number, plain
from engine import safe_xml
from engine.fault import Fault

UNITS = {"UV": "uV", "BPM": "/min", "MS": "ms", "MSEC": "ms", "PER MIN": "/min", "PER_MIN": "/min", "/MIN": "/min"}
MOST = 500_000  # points


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a series; None where the export holds none."""

    stamp: str  # yyyymmddhhmmss, as written
    at: datetime
    minimum: Decimal | None
    average: Decimal | None
    maximum: Decimal | None
    valid: bool


@dataclass(frozen=True, slots=True)
class Series:
    """One trend: its type (`TREND_HR`), the recorder's label, UCUM unit, and the seconds each number stands for."""

    type: str
    label: str
    unit: str
    average_seconds: Decimal | None
    extreme_seconds: Decimal | None
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Trends:
    """A Holter export."""

    start: datetime | None
    patient: Patient
    device: Device
    series: tuple[Series, ...]
    scan: str = ""
    order: str = ""
    accession: str = ""
    warnings: tuple[str, ...] = ()


def read(body: bytes) -> Trends | Fault:
    """Reads a `HOLTER_STATISTICS` document."""
    root = safe_xml.parse(body)
    if isinstance(root, Fault):
        return root
    if not root.tag.endswith("HOLTER_STATISTICS"):
        return bad("E151", "this is no Holter export")
    return from_tree(plain(root))


def from_tree(root: _Element) -> Trends | Fault:
    """Reads the parsed document."""
    warnings: list[str] = []
    series = [found for found in (_series(trend, warnings) for trend in each(root, "TRENDS/TREND")) if found.points]
    if not series:
        return bad("E152", "there are no trends", "HOLTER_STATISTICS/TRENDS")
    return Trends(
        start=times.hl7(root.get("DATE_RECORDED", "")), patient=patient(root.find("PATIENT")), device=device(root.find("SOURCE")),
        series=tuple(series), scan=root.get("SCAN_NUMBER", ""), order=root.get("ORDER_NUMBER", ""),
        accession=root.get("ACCESSION_NUMBER", ""), warnings=tuple(warnings),
    )  # fmt: skip


def _series(trend: _Element, warnings: list[str]) -> Series:
    usable = {key: trend.get(f"{key}_VALID", "TRUE") != "FALSE" for key in ("MIN", "TREND", "MAX")}
    points: list[Point] = []
    for value in trend.findall("TREND_VALUE")[:MOST]:
        stamp = value.get("DATE_TIME_HL7", "")
        at = times.hl7(stamp)
        if at is None:
            warnings.append(f"a value of {trend.get('TREND_TYPE', '')[:40]} has no time and is left out")
            continue
        valid = value.get("VALID", "TRUE") != "FALSE" and usable["TREND"]
        low, mean, high = (number(value.get(f"{key}_VALUE", "")) if valid else None for key in ("MIN", "AVG", "MAX"))
        points.append(Point(stamp, at, low if usable["MIN"] else None, mean, high if usable["MAX"] else None, valid))
    unit = trend.get("UNITS", "")
    return Series(
        trend.get("TREND_TYPE", ""), trend.get("TREND_LABEL", ""), UNITS.get(unit.upper(), unit),
        number(trend.get("AVG_DURATION_SEC", "")), number(trend.get("MAX_MIN_DURATION_SEC", "")), tuple(points),
    )  # fmt: skip
