"""What values mean to a search: dates as ranges of microseconds, strings without case and accents.

Source: https://hl7.org/fhir/R4/search.html#prefix and #string. Times without a zone are read as UTC.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)
EARLIEST, LATEST = -(2**62), 2**62
MAX_KEPT = 1 << 14
_kept: dict[str, tuple[int, int] | None] = {}
_plain = re.compile(r"[a-z0-9 ]*")
_blank = re.compile(r"\s+")


def period(text: str) -> tuple[int, int] | None:
    """The first and last microsecond a date, dateTime or instant names; None when it is none."""
    if text in _kept:
        return _kept[text]
    found = _period(text)
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    _kept[text] = found
    return found


def _period(text: str) -> tuple[int, int] | None:
    match = DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        low = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), min(int(second or 0), 59), tzinfo=UTC
        )
    except ValueError:
        return None
    start = (low - EPOCH) // MICRO + (int((fraction or "0")[:6].ljust(6, "0"))) + (1_000_000 if second == "60" else 0)
    if zone and zone != "Z":
        sign = -1 if zone[0] == "+" else 1
        start += sign * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60) * 1_000_000
    return start, start + span(int(year), month, day, hour, second, fraction) - 1


def span(year: int, month: str | None, day: str | None, hour: str | None, second: str | None, fraction: str | None) -> int:
    """How many microseconds a date of this precision covers."""
    if fraction:
        return int(max(1, 10 ** (6 - len(fraction[:6]))))
    if second:
        return 1_000_000
    if hour:
        return 60_000_000
    days = 1 if day else calendar.monthrange(year, int(month))[1] if month else 366 if calendar.isleap(year) else 365
    return days * 86_400_000_000


def plain(text: str) -> str:
    """A string as searches compare it: no case, no accents, no punctuation, single blanks."""
    lowered = text.casefold()
    if not _plain.fullmatch(lowered):
        parts = unicodedata.normalize("NFKD", lowered)
        lowered = "".join(c for c in parts if c.isalnum() or c.isspace())
    return _blank.sub(" ", lowered).strip()
