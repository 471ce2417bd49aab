"""Whether a text is well formed for a primitive data type (HL7 v2.9.1 chapter 2A)."""

from __future__ import annotations

import re
from datetime import date

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_SEQUENCE = re.compile(r"\d{1,4}")
_DATE = re.compile(r"(\d{4})(?:(\d{2})(\d{2})?)?")
_TIME = re.compile(r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d)(\.\d{1,4})?)?)?([+-](?:0\d|1[0-4])[0-5]\d)?")
_ZONE = re.compile(r"[+-](?:0\d|1[0-4])[0-5]\d$")


def is_well_formed(text: str, type: str) -> bool:
    """True unless the text breaks the rules of NM, SI, DT, TM or DTM; other types hold any text."""
    match type:
        case "NM":
            return _NUMBER.fullmatch(text) is not None
        case "SI":
            return _SEQUENCE.fullmatch(text) is not None
        case "DT":
            return _is_date(text)
        case "TM":
            return _TIME.fullmatch(text) is not None
        case "DTM" | "TS":
            return _is_moment(text)
    return True


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    try:
        date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    zone = _ZONE.search(text)
    bare = text[: zone.start()] if zone else text
    if not _is_date(bare[:8]):
        return False
    return len(bare) <= 8 or (_TIME.fullmatch(bare[8:]) is not None and not _ZONE.search(bare[8:]))
