"""Times as files write them, to datetimes that have a zone only where the file gives one."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

HL7 = re.compile(r"^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:\.(\d{1,9}))?([+-]\d{4}|Z)?$")
ISO = re.compile(r"^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$")


def hl7(text: str) -> datetime | None:
    """`yyyymmddhh[mm[ss[.f]]][±zzzz]`, or as ISO 8601 has it; None when it has no hour or is no date."""
    return _built(HL7.match(text.strip())) or iso(text)


def iso(text: str) -> datetime | None:
    """`yyyy-mm-ddThh:mm[:ss[.f]][zone]`, blank allowed for T."""
    return _built(ISO.match(text.strip()))


def parts(day: str, clock: str) -> datetime | None:
    """A date and a time of day in separate fields, `iso_day`'s forms and hh:mm[:ss[.f]] or hhmmss[.f]."""
    found = iso_day(day)
    digits = re.match(r"^(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?$", clock.strip())
    if not found or not digits:
        return None
    hour, minute, second, fraction = digits.groups()
    return iso(f"{found}T{hour}:{minute}:{second or '00'}" + (f".{fraction}" if fraction else ""))


def iso_day(day: str) -> str:
    """A day as yyyy-mm-dd, '' when it is none. `/` and `-` with the year last are month first, dots day first."""
    text = day.strip()
    for pattern, order in (
        (r"^(\d{4})-?(\d\d)-?(\d\d)$", (1, 2, 3)),
        (r"^(\d{4})/(\d{1,2})/(\d{1,2})$", (1, 2, 3)),
        (r"^(\d{1,2})\.(\d{1,2})\.(\d{4})$", (3, 2, 1)),
        (r"^(\d{1,2})[-/](\d{1,2})[-/](\d{4})$", (3, 1, 2)),
    ):
        match = re.match(pattern, text)
        if match:
            year, month, dom = (int(match.group(n)) for n in order)
            try:
                return date(year, month, dom).isoformat()
            except ValueError:
                return ""
    return ""


def _built(match: re.Match[str] | None) -> datetime | None:
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        return datetime(int(year), int(month), int(day), int(hour), int(minute or 0), int(second or 0), micro, _zone(zone))
    except ValueError:
        return None


def _zone(zone: str | None) -> timezone | None:
    if not zone:
        return None
    if zone == "Z":
        return UTC
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if zone[0] == "-" else delta)
