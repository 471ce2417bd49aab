"""ERR segments from faults: place, code of HL7 table 0357, severity, and words that carry no patient's values (v2.9.1
section 2.14.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adapters.hl7v2.escape import Delimiters, escape
from engine.fault import Fault, Kind

MAX_ERRORS = 50
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\[(\d+)\])?(?:\.(\d+)(?:\.(\d+))?)?)?")
_TEXTS = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "207": "Application internal error",
}
_CODES = {
    "E110": "100",
    "E111": "100",
    "E112": "102",
    "E120": "102",
    "E124": "100",
    "E125": "101",
    "E126": "102",
    "E127": "103",
    "E128": "102",
    "E140": "202",
    "E141": "203",
    "E142": "200",
    "E143": "101",
    "E144": "100",
    "E145": "100",
    "E146": "204",
}
_BY_KIND = {Kind.INCORRECT: "102", Kind.UNSUPPORTED: "200", Kind.NOT_FOUND: "204", Kind.CONFLICT: "205", Kind.FORBIDDEN: "204"}


def table_0357(fault: Fault) -> str:
    """The code of table 0357 that says what a fault says."""
    return _CODES.get(fault.code) or _BY_KIND.get(fault.kind, "207")


def err_segments(faults: Sequence[Fault], marks: Delimiters, version: str) -> Iterator[str]:
    """One ERR for each fault, at most 50; in the form of v2.5 and later, or the older one."""
    for fault in faults[:MAX_ERRORS]:
        code = table_0357(fault)
        yield _newer(fault, code, marks) if version >= "2.5" or version[:1] != "2" else _older(fault, code, marks)


def _newer(fault: Fault, code: str, marks: Delimiters) -> str:
    field, component = marks.field, marks.component
    place = _place(fault.at)
    where = component.join(place) if place else ""
    what = component.join((code, _TEXTS[code], "HL70357"))
    ours = component.join((fault.code, "", "ISTHMUS"))
    told = fault.text if place or not fault.at else f"{fault.text} ({fault.at})"
    return field.join(("ERR", "", where, what, "E", ours, "", _words(fault.help, marks), _words(told, marks)))


def _older(fault: Fault, code: str, marks: Delimiters) -> str:
    """ERR-1 of v2.4 and before: segment, its number, field, and the code with its text in subcomponents."""
    segment, number, at = (*(_place(fault.at) or ["", "", ""]), "", "")[:3]
    sub = marks.subcomponent
    return marks.field.join(("ERR", marks.component.join((segment, number, at, sub.join((code, _TEXTS[code], "HL70357"))))))


def _place(at: str) -> list[str]:
    """ERR-2: segment, its number, field, repetition, component, subcomponent."""
    found = _PLACE.fullmatch(at)
    if found is None:
        return []
    segment, number, field, rep, comp, sub = found.groups()
    parts = [segment, number or "1", field or "", (rep or "1") if field else "", comp or "", sub or ""]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _words(text: str, marks: Delimiters) -> str:
    return escape("".join(mark if " " <= mark <= "~" else "?" for mark in text)[:250], marks)
