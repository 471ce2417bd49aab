"""Reads the header of a message from its bytes: delimiters from MSH-1 and MSH-2, and the fields of MSH, parsing nothing else.

Delimiters are 7-bit ASCII whatever the character set (HL7 v2.9.1 section 2.14.9.18), so the header is read before the text
is decoded.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from adapters.hl7v2.charset import is_wide
from adapters.hl7v2.escape import ABSENT, STANDARD, Delimiters, unescape
from engine.fault import Fault, Kind

_START = re.compile(rb"(?:MSH|BHS|FHS)")
_NAMES = (b"MSH", b"BHS", b"FHS")
_LEAD = re.compile(rb"(?:\xef\xbb\xbf|\xe2\x80\xa8|\xe2\x80\xa9|\xc2\xa0|\xc2\x85|\xe2\x80\x8b|[\x00-\x20\x0b\x1c])*")


class Header(NamedTuple):
    """MSH as text, read as Latin-1 so that any byte has a character; `at` is where it begins in the message."""

    at: int
    marks: Delimiters
    fields: tuple[str, ...]  # numbered as in HL7: fields[1] is MSH-1

    def raw(self, field: int) -> str:
        """A field as it stands, all repetitions; '' when absent."""
        return self.fields[field] if field < len(self.fields) else ""

    def value(self, field: int, component: int = 1) -> str:
        """A component of the first repetition, unescaped."""
        text, marks = self.raw(field), self.marks
        if not text:
            return ""
        if marks.repetition in text:
            text = text.split(marks.repetition, 1)[0]
        if component > 1 or marks.component in text:
            parts = text.split(marks.component)
            text = parts[component - 1] if component <= len(parts) else ""
        return "" if text == '""' else unescape(text, marks, "latin-1") if marks.escape in text else text


def start_of(raw: bytes) -> int:
    """Where the first header segment begins: at 0, or after blanks, a byte order mark and the like; -1 when nothing like
    one is there.
    """
    if _START.match(raw):
        return 0
    lead = _LEAD.match(raw)
    at = lead.end() if lead else 0
    return at if _START.match(raw, at) else -1


def read_delimiters(line: str) -> Delimiters | Fault:
    """The delimiters a header segment declares: MSH-1 is its fourth character, MSH-2 what follows up to the next MSH-1.

    Seen and taken: an empty MSH-2 (the usual ones are meant), a blank where a delimiter was lost (there is none).
    """
    if len(line) < 8:
        return _bad("the header segment is shorter than eight characters")
    field = line[3]
    return _delimiters(field, line[4:].split(field, 1)[0][:6] or "".join(STANDARD[1:5]))


@lru_cache(64)
def _delimiters(field: str, encoding: str) -> Delimiters | Fault:
    marks = field + encoding.replace(" ", "")
    if any(mark.isalnum() or not "!" <= mark <= "~" for mark in marks):
        return _bad("a delimiter is a letter, a digit or not printable")
    if not 2 <= len(encoding) <= 5 or len(set(marks)) != len(marks):
        return _bad("MSH-2 does not name two to five different delimiters")
    component, repetition, escape, subcomponent, truncation = (*encoding.replace(" ", ABSENT), *ABSENT * (5 - len(encoding)))
    return Delimiters(field, component, repetition, escape, subcomponent, truncation)


def read_header(raw: bytes) -> Header | Fault:
    """The first header segment of a message (MSH, or BHS/FHS of a batch)."""
    at = 0 if raw[:3] in _NAMES else _beginning(raw)
    if isinstance(at, Fault):
        return at
    end = raw.find(b"\r", at)
    end = len(raw) if end < 0 else end
    feed = raw.find(b"\n", at, end)
    line = raw[at : end if feed < 0 else feed].decode("latin-1")
    marks = read_delimiters(line)
    if isinstance(marks, Fault):
        return marks
    name, encoding, *rest = line.split(marks.field)
    return Header(at, marks, (name, marks.field, encoding, *rest))


def _beginning(raw: bytes) -> int | Fault:
    """Where the first header segment begins, in a message that does not begin with it."""
    if not raw.strip(b"\r\n\x00 \t"):
        return Fault(Kind.INCORRECT, "E110", "the message is empty", help="The block held no bytes.")
    if is_wide(raw):
        return Fault(Kind.INCORRECT, "E114", "UTF-16 and UTF-32 cannot be read here", "MSH-18", "Send UNICODE UTF-8.")
    at = start_of(raw)
    if at < 0:
        return Fault(
            Kind.UNSUPPORTED,
            "E111",
            "this is not an HL7 v2 message: it does not begin with MSH",
            "MSH",
            "Check what is sent here.",
        )
    return at


def _bad(text: str) -> Fault:
    return Fault(Kind.UNSUPPORTED, "E112", text, "MSH-2", r"MSH-1 and MSH-2 are |^~\& as a rule.")
