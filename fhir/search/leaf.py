"""What a value at the end of a path leaves in the index: texts as strings, dates and quantities as ranges, all else as tokens."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fhir.search.entries import Entries, Visit
from fhir.search.hashing import ends, tag_packed, unique
from fhir.search.leaf_tokens import exists, reference, token, uri
from fhir.search.parameters import Path, date_path, patient_path
from fhir.search.quantities import ranges_of
from fhir.search.values import EARLIEST, LATEST, period, plain

MAX_STRING = 200


def leaf(type: str, path: Path, kind: str) -> Visit:
    """What a value at the end of a path leaves in the index."""
    if path.marker == "exists":
        return exists(path)
    if kind == "date":
        return date(path, path.id in date_path(type))
    if kind in ("number", "quantity"):
        return quantity(path)
    if kind == "string":
        return string(path)
    if kind == "reference":
        mine = patient_path(type)
        return reference(path, mine is not None and mine.id == path.id)
    if kind == "uri":
        return uri(path)
    return token(path)


def string(path: Path) -> Visit:
    """Words for prefix search; the exact text for `:exact`."""
    id = path.id

    def one(text: Any, out: Entries) -> None:
        if isinstance(text, str):
            out.strings.add(f"{id}:{plain(text)[:MAX_STRING]}")
            out.exact.append(unique(f"{id}={text}"))

    def visit(value: Any, out: Entries) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                if name in ("use", "type", "period", "id", "extension"):
                    continue
                if isinstance(part, list):
                    for text in part:
                        one(text, out)
                else:
                    one(part, out)
        else:
            one(value, out)

    return visit


def bounds(value: Any) -> tuple[int, int] | None:
    """The microseconds that a date, a Period or a Timing covers."""
    if isinstance(value, str):
        return period(value)
    if isinstance(value, dict):
        events = [found for text in value.get("event", ()) if (found := period(text))]
        if events:
            return min(low for low, _ in events), max(high for _, high in events)
        held = value.get("repeat", {}).get("boundsPeriod", value) if "repeat" in value else value
        start, end = held.get("start"), held.get("end")
        if start or end:
            low, high = period(start) if start else None, period(end) if end else None
            return low[0] if low else EARLIEST, high[1] if high else LATEST
    return None


def date(path: Path, main: bool) -> Visit:
    """Dates as ranges; the main one's in columns."""
    mark = tag_packed(path.id)

    def visit(value: Any, out: Entries) -> None:
        found = bounds(value)
        if found is None:
            return
        if main and out.low is None:
            out.low, out.high = found
        else:
            out.ranges.append(mark + ends(float(found[0]), float(found[1])))

    return visit


def quantity(path: Path) -> Visit:
    """Numbers as they are, and in the canonical unit of their dimension."""
    id, mark = path.id, tag_packed(path.id)

    def visit(value: Any, out: Entries) -> None:
        if isinstance(value, dict):
            out.ranges += ranges_of(id, mark, value)
        elif isinstance(value, Decimal | int):
            out.ranges.append(mark + ends(float(value), float(value)))

    return visit
