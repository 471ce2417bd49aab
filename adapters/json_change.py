"""A JSON document with one value written anew, for the tests beside mappings: `device.readings[1].value` becomes a text or a number."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

from engine.fault import Fault, Kind

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def change(document: Any, names: tuple[tuple[str, int], ...], text: str) -> bytes | Fault:
    """The document's bytes with the value changed: a number where one stands and is given, else text; `""` takes the value out."""
    place = document
    for name, item in names[:-1]:
        place = place.get(name) if isinstance(place, dict) else None
        if item:
            place = place[item - 1] if isinstance(place, list) and item <= len(place) else None
    name, item = names[-1]
    if item:
        place, key = (place.get(name) if isinstance(place, dict) else None), item - 1
        there = isinstance(place, list) and key < len(place)
    else:
        there = isinstance(place, dict)
    if not there or place is None:
        return Fault(Kind.NOT_FOUND, "E351", f"the sample has no {name}", help="choose a sample that has one")
    at: Any = item - 1 if item else name
    if text == "" and isinstance(place, dict):
        place.pop(name, None)
    else:
        old = place[at] if item or name in place else None
        number = _NUMBER.fullmatch(text) is not None and (old is None or isinstance(old, int | Decimal))
        place[at] = Decimal(text) if number else text
    return _ENCODER.encode(document)
