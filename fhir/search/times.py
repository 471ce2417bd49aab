"""Conditions on dates: each covers the time that its precision says. Source: https://hl7.org/fhir/R4/search.html#date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.fault import Fault
from fhir.search import compare
from fhir.search.hashing import tag
from fhir.search.parameters import Parameter, date_path, lone_date, parameters
from fhir.search.texts import bad
from fhir.search.values import EARLIEST, EPOCH, LATEST, MICRO, period
from fhir.search.where import Row, Span, Where, ranged, some

FIRST, LAST = [(moment.replace(tzinfo=UTC) - EPOCH) // MICRO for moment in (datetime.min, datetime.max)]


def date(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """A date with its prefix; the time it covers follows from its precision."""
    head, text = compare.prefixed(value)
    covered = period(text)
    if covered is None:
        return bad(parameter.name, "not a date")
    low, high = covered if head != "ap" else nearby(*covered)
    test, values = compare.test(head, low, high)
    main = date_path(type)
    if parameters(type).get(parameter.name) is parameter and lone_date(type, parameter.name):
        found = replace(timed(test, values), span=spanned(head, low, high))
        return found if head != "ap" else replace(found, holds=None)
    parts = [timed(test, values)] if any(path.id in main for path in parameter.paths) else []
    parts += [ranged(tag(path.id), test, tuple(float(v) for v in values)) for path in parameter.paths]
    found = some(parts)
    return found if head != "ap" else replace(found, holds=None)  # it says how long ago: that changes while time passes


def timed(test: str, values: tuple[int, ...]) -> Where:
    """When a resource was, by its own columns."""
    within = compare.passes(test, values)

    def holds(row: Row) -> bool:
        return row.entries.low is not None and within(row.entries.low, row.entries.high)

    return Where("(" + test.replace("low", "r.low").replace("high", "r.high") + ")", values, holds)


def spanned(prefix: str, low: int, high: int) -> Span | None:
    """Between which ends the rows of a date lie that pass its test."""
    if prefix == "ne":
        return None
    least = low if prefix in ("eq", "ge", "ap") else high if prefix in ("gt", "sa") else None
    most = high if prefix in ("eq", "le", "ap") else low if prefix in ("lt", "eb") else None
    begin = low if prefix == "eq" else high if prefix == "sa" else None
    return Span("low", least, most, begin)


def nearby(low: int, high: int) -> tuple[int, int]:
    """Within a tenth of the time between now and then."""
    now = (datetime.now(UTC) - EPOCH) // MICRO
    slack = abs(now - low) // 10
    return max(low - slack, EARLIEST), min(high + slack, LATEST)


def moment(micros: int) -> datetime:
    """A time as clocks have it; one before or after all of them is the first or last."""
    return EPOCH + timedelta(microseconds=min(max(micros, FIRST), LAST))


def updated(value: str) -> Where | Fault:
    """`_lastUpdated`, an instant of its own column."""
    head, text = compare.prefixed(value)
    covered = period(text)
    if covered is None:
        return bad("_lastUpdated", "not a date")
    low, high = (moment(end) for end in (covered if head != "ap" else nearby(*covered)))
    test, values = compare.test(head, low, high)
    within = None if head == "ap" else compare.passes(test, values)
    return Where(
        "(" + test.replace("low", "r.updated").replace("high", "r.updated") + ")",
        values,
        None if within is None else lambda row: within(row.updated, row.updated),
        span=written(head, *(covered if head != "ap" else nearby(*covered))),
    )


def written(prefix: str, low: int, high: int) -> Span | None:
    """As `spanned`, for the time of writing."""
    held = spanned(prefix, low, high)
    if held is None:
        return None
    least, most = [None if end is None else moment(end) for end in (held.least, held.most)]
    return Span("updated", least, most, least)
