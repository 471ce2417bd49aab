"""What a client asks for: a window of time, perhaps of one patient, recording or series, smoothed and paced."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.fault import Fault, Kind

LONGEST = 31 * 86400  # seconds in one window
WINDOW = 5  # values a smoothed one is made of
FASTEST = 10_000.0  # points a second
HELP = '{"start_time": "2023-04-13T21:19:01", "duration_seconds": 1200}'


@dataclass(frozen=True, slots=True)
class Asked:
    """A window: `start` is the recorder's local time; `pace` is points a second, 0 as fast as the reader takes them."""

    start: datetime
    seconds: float
    patient: str | None = None
    recording: UUID | None = None
    series: tuple[str, ...] = ()
    smooth: int = WINDOW
    pace: float = 0.0


def ask(text: str | bytes) -> Asked | Fault:
    """Reads the request; a Fault says which part cannot be."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return _wrong("the request is not JSON", "")
    if not isinstance(given, dict):
        return _wrong("the request is not a JSON object", "")
    start, seconds = _time(given.get("start_time")), _number(given.get("duration_seconds"))
    if start is None:
        return _wrong("the start is no local time", "start_time")
    if seconds is None or not 0 < seconds <= LONGEST:
        return _wrong(f"the duration is no number of seconds up to {LONGEST}", "duration_seconds")
    patient, series = given.get("patient"), given.get("series", ())
    series = (series,) if isinstance(series, str) else series
    if (
        not (patient is None or _text(patient))
        or not isinstance(series, list | tuple)
        or len(series) > 100
        or not all(map(_text, series))
    ):
        return _wrong("patient is a text, series a text or a list of texts", "patient")
    recording = _uuid(given.get("recording"))
    smooth, pace = given.get("smooth", WINDOW), _number(given.get("pace", 0))
    if isinstance(recording, Fault):
        return recording
    if not isinstance(smooth, int) or not 1 <= smooth <= 1000 or pace is None or not 0 <= pace <= FASTEST:
        return _wrong("smooth is 1 to 1000 values, pace 0 to 10000 points a second", "smooth")
    return Asked(start, seconds, patient, recording, tuple(series), smooth, pace)


def _wrong(text: str, at: str) -> Fault:
    return Fault(Kind.INCORRECT, "E181", text, at, f"for example {HELP}")


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
    return float(value) if known else None


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 200 and "\0" not in value


def _time(value: Any) -> datetime | None:
    """A local time: an offset is dropped, for the recorder knows none."""
    try:
        at = datetime.fromisoformat(value).replace(tzinfo=None) if isinstance(value, str) and len(value) <= 40 else None
    except ValueError:
        return None
    return at if at is not None and at.year < 9999 else None


def _uuid(value: Any) -> UUID | Fault | None:
    if value is None:
        return None
    try:
        return UUID(str(value))
    except ValueError:
        return _wrong("the recording is no id that an upload gave", "recording")
