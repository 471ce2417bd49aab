"""Dates and times: DTM, TS, DT, TM, DR and FHIR dateTime, instant, date, time, Period.

HL7 v2.9.1 section 2A.3.21: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]. FHIR R4 wants seconds and an offset wherever a time is
given. Policy: precision is kept up to the day; minutes and seconds that were not sent are zero; fraction digits stay as they
are; ISO 8601's dashes and colons, which some senders write, are read too; an offset not sent is the one named
by `zone` (as a rule MSH-7, which HL7 makes the default of its message, or a zone such as Europe/Berlin), else UTC. Zeros for an
unknown date read as nothing.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from engine.fault import Fault, Kind
from fhir.convert.rep import Components, Rep, compose, first, whole

DTM = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?)?)?\s*([+-]\d{4}|Z)?\Z", re.ASCII)
TM = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(\.\d{1,9})?)?)?([+-]\d{4})?\Z", re.ASCII)
ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII)
FHIR = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d))?)?)?\Z", re.ASCII)
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)\Z")
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _bad(what: str) -> Fault:
    return Fault(Kind.INCORRECT, "E451", f"the value is no {what}", help="send YYYYMMDD[HHMM[SS]][+ZZZZ] as HL7 writes it")


def _day(year: int, month: int, day: int) -> bool:
    if not (1 <= month <= 12 and 1 <= day <= DAYS[month - 1]):
        return False
    return (month, day) != (2, 29) or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def offset(zone: str, local: tuple[int, int, int, int, int]) -> str:
    """The offset of a zone (`-0400`, an HL7 time that ends in one, or a zone's name) at a local time (year to
    minute); Z when it names none."""
    tail = zone[-5:]
    if len(tail) == 5 and tail[0] in "+-" and tail[1:].isdigit():
        return f"{tail[:3]}:{tail[3:]}"
    named = _zone(zone) if "/" in zone else None
    if named is None:
        return "Z"
    year, month, day, hour, minute = local
    delta = datetime(year, month, day, hour, minute, tzinfo=named).utcoffset() or timedelta()
    minutes = int(delta.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@lru_cache(maxsize=2048)  # the results of an order share their times
def moment(text: str, zone: str) -> str | Fault | None:
    """An HL7 time in FHIR's notation, to the precision sent."""
    match = DTM.match(text) or ISO.match(text)
    if match is None:
        return None if not text.strip("0+- .") else _bad("date or time")
    year, month, day, hour, minute, second, fraction, shift = match.groups()
    shift = shift.replace(":", "") if shift else shift
    if shift and shift != "Z" and (shift[1:3] > "14" or shift[3:] > "59"):
        return _bad("date or time")
    if year == "0000" or month == "00":
        return None if not text.rstrip("0") or (year != "0000" and not text[4:].strip("0")) else _bad("date or time")
    if month is None:
        return year
    if day is None or day == "00":
        return f"{year}-{month}" if int(month) <= 12 and not text[6:].strip("0") else _bad("date or time")
    if not _day(int(year), int(month), int(day)):
        return _bad("date or time")
    if hour is None:
        return f"{year}-{month}-{day}"
    minute, second = minute or "00", second or "00"
    if hour > "23" or minute > "59" or second > "60":
        return _bad("date or time")
    second = "59" if second == "60" else second
    if shift:
        shift = shift if shift == "Z" else f"{shift[:3]}:{shift[3:]}"
    else:
        shift = offset(zone, (int(year), int(month), int(day), int(hour), int(minute)))
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{'.' + fraction if fraction else ''}{shift}"


def date_time(value: Rep | str, zone: str = "") -> str | Fault | None:
    """DTM, TS or DT as dateTime."""
    text = first(value)
    return moment(text, zone) if text else None


def date(value: Rep | str, zone: str = "") -> str | Fault | None:
    """DTM, TS or DT as date: the day as the sender wrote it, no shift."""
    text = first(value)
    moved = moment(text, "") if text else None
    return moved[:10] if isinstance(moved, str) else moved


def instant(value: Rep | str, zone: str = "") -> str | Fault | None:
    """DTM or TS as instant; a bare date cannot be one and gives nothing."""
    found = date_time(value, zone)
    return found if not isinstance(found, str) or "T" in found else None


def from_date_time(value: str) -> Components | Fault:
    """dateTime, instant or date as DTM."""
    match = FHIR.match(value)
    if match is None:
        return _bad("FHIR date or time")
    year, month, day, hour, minute, second, fraction, shift = match.groups()
    text = year + (month or "") + (day or "")
    if hour:
        text += hour + minute + second + (f".{fraction[:4]}" if fraction else "")
        text += "+0000" if shift == "Z" else shift.replace(":", "")
    return [[text]]


def time(value: Rep | str) -> str | Fault | None:
    """TM as time; FHIR's has no offset, so a sent one is not kept."""
    text = first(value)
    if not text:
        return None
    match = TM.match(text)
    if match is None or match[1] > "23" or (match[2] or "") > "59" or (match[3] or "") > "59":
        return _bad("time of day")
    return f"{match[1]}:{match[2] or '00'}:{match[3] or '00'}{match[4] or ''}"


def from_time(value: str) -> Components:
    """time as TM."""
    return [[value.replace(":", "")]] if value else []


def period(value: Rep | str, zone: str = "") -> dict[str, Any] | Fault | None:
    """DR as Period."""
    rep = whole(value)
    return span(rep[1].strip(), rep[2].strip(), zone)


def span(start: str, end: str, zone: str = "") -> dict[str, Any] | Fault | None:
    """Two HL7 times as Period; an empty one is left out."""
    out: dict[str, Any] = {}
    for name, text in (("start", start), ("end", end)):
        found = moment(text, zone) if text else None
        if isinstance(found, Fault):
            return found
        if found:
            out[name] = found
    return out or None


def from_period(value: dict[str, Any]) -> Components | Fault:
    """Period as DR."""
    start, end = (back(value.get(name, "")) for name in ("start", "end"))
    if isinstance(start, Fault) or isinstance(end, Fault):
        return start if isinstance(start, Fault) else end  # type: ignore[return-value]
    return compose({1: start, 2: end})


def back(value: str) -> str | Fault:
    """A FHIR time as HL7 text; '' stays ''."""
    found = from_date_time(value) if value else [[""]]
    return found if isinstance(found, Fault) else found[0][0]


def validity(start: str, end: str, zone: str = "") -> dict[str, Any] | None:
    """Since when and until when a name, address or number holds; a date nobody can read is left out, for nothing else depends on it."""
    out = {}
    for name, text in (("start", start), ("end", end)):
        found = moment(text, zone) if text else None
        if isinstance(found, str):
            out[name] = found
    return out or None


def old_validity(rep: Rep, comp: int, start: int, end: int, zone: str) -> dict[str, Any] | None:
    """The validity of a name or address: its two dates, or the withdrawn DR component where they are not valued."""
    since, until = rep[start].strip(), rep[end].strip()
    if since or until:
        return validity(since, until, zone)
    return validity(rep.sub(comp, 1).strip(), rep.sub(comp, 2).strip(), zone) if comp and rep[comp] else None
