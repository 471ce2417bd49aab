"""What a notice may name of a parcel: the engine's own words of an alert, and where the parcel comes from. Nothing of a patient."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.types import Parcel

ALERT = ("title", "say", "severity", "rule", "turn", "raised_at", "resolved_at", "acknowledged_by", "id", "subject", "evidence")
PLACE = ("channel", "destination", "message", "type")
NAMES = (*ALERT, *PLACE)
LONGEST = 500  # characters of a value


def fields(parcel: Parcel) -> dict[str, str]:
    """The values by name: an alert's from its JSON, the rest from the parcel. `subject` and `evidence` are ids of the store."""
    told = _told(parcel)
    found = {name: _text(told.get(name)) for name in ALERT}
    found |= {name: _text(value) for name, value in parcel.meta.items() if name in NAMES and not found.get(name)}
    return {**found, "destination": parcel.destination}


def _told(parcel: Parcel) -> dict[str, Any]:
    """An alert's own words; of no other parcel is a value taken, since it may be a patient's."""
    if parcel.content_type != "application/json" or "severity" not in parcel.meta:
        return {}
    try:
        value = msgspec.json.decode(parcel.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """A single line of printable characters."""
    text = value if isinstance(value, str) else "" if value is None or isinstance(value, (dict, list)) else str(value)
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST])
