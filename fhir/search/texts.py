"""A parameter's value as text: split at signs, without escapes, and the fault of one that is not accepted.

Source: https://hl7.org/fhir/R4/search.html#escaping.
"""

from __future__ import annotations

import re

from engine.fault import Fault, Kind

SPLIT = re.compile(r"\\(.)|([,$|])", re.DOTALL)


def split(text: str, sign: str) -> list[str]:
    """Splits at a sign that no backslash stands before; escapes stay for the next split."""
    parts, begin, place = [], 0, 0
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        if text[place] == sign:
            parts.append(text[begin:place])
            begin = place + 1
        place += 1
    return [*parts, text[begin:]]


def plainly(text: str) -> str:
    """A value without its escapes."""
    return SPLIT.sub(lambda found: found[1] if found[1] else found[0], text)


def bad(name: str, text: str) -> Fault:
    """The fault of a value that its parameter does not accept."""
    return Fault(Kind.INCORRECT, "E562", text, name[:64], "see the parameter's type in the specification's page on search")
