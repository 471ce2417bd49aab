"""Reads an ER7 message (HL7 v2 vertical-bar encoding, v2.9.1 chapter 2), tolerantly and lazily.

No segment is ever dropped and no byte altered: CR, LF and CRLF end a segment; a line that does not look like a segment
continues the one before it; blank lines, a byte order mark and the like before MSH are kept aside. What was odd is a
warning. Only what cannot be read as a message at all is a Fault.
"""

from __future__ import annotations

import codecs
import itertools
import re
from typing import Any

from adapters.hl7v2 import charset as charsets
from adapters.hl7v2.escape import ABSENT, Delimiters
from adapters.hl7v2.header import Header, read_header
from adapters.hl7v2.lines import split
from adapters.hl7v2.segment import NULL, Segment
from engine.fault import Fault, Kind

MAX_SEGMENTS = 20_000
MAX_PARTS = 150_000  # repetitions, and components: twelve leads of 5 000 samples are 60 000
_OFFSET = re.compile(r"[+-]\d{4}$")


_CONTEXTS: dict[tuple[object, ...], int] = {}
_NUMBERS = itertools.count(1)
MOST_CONTEXTS = 1000
LONG_SENDER = 1000  # characters


class Er7:
    """A message as it was read. `text` is `raw` decoded by `codec`, character for byte order; `lead` stands before the
    first segment.
    """

    __slots__ = (
        "_ascii",
        "_context",
        "_facility",
        "_zone",
        "charset",
        "codec",
        "delimiters",
        "header",
        "lead",
        "named",
        "names",
        "nulls",
        "raw",
        "segments",
        "strays",
        "text",
        "valued",
        "warnings",
    )

    def __init__(self, raw: bytes, text: str, codec: str, header: Header) -> None:
        self.raw = raw
        self.text = text
        self.codec = codec
        self.charset = charsets.name_of(codec)
        self.header = header
        self.delimiters: Delimiters = header.marks
        self.lead = ""
        self.segments: list[Segment] = []
        self.nulls = NULL in text  # whether anything is to be deleted
        self.valued: set[str] | None = None  # see Group.valued
        self.named: dict[str, list[tuple[Any, Segment]]] = {}  # each with its group, once they stand in groups
        self.names: set[str] = set()  # of the segments there are, once they stand in groups
        self.strays: set[str] = set()  # names of segments that stand where the structure has none
        self.warnings: list[Fault] = []
        self._ascii = len(text) == len(raw)
        self._zone: str | None = None
        self._facility: str | None = None
        self._context: int | None = None

    @property
    def context(self) -> int:
        """A number for what the meaning of a field's text depends on besides the text: delimiters, charset, zone, facility."""
        if self._context is None:
            sender = self._sender
            key = (self.delimiters, self.codec, self.zone, *sender)
            if len(_CONTEXTS) > MOST_CONTEXTS:
                _CONTEXTS.clear()
            short = sum(map(len, sender)) < LONG_SENDER
            self._context = _CONTEXTS.setdefault(key, next(_NUMBERS)) if short else next(_NUMBERS)
        return self._context

    @property
    def zone(self) -> str:
        """The offset MSH-7 states (`-0400`), '' when none: the default of every time in the message (section 2.A.22)."""
        if self._zone is None:
            written = self.header.raw(7)
            plain = "+" not in written and "-" not in written and self.delimiters.escape not in written
            found = None if plain else _OFFSET.search(self.header.value(7))
            self._zone = found[0] if found else ""
        return self._zone

    @property
    def facility(self) -> str:
        """Who sent it: MSH-4.1, else MSH-4.2, else MSH-3.1."""
        if self._facility is None:
            msh = self.first("MSH")
            self._facility = next(filter(None, (msh.value(f, comp=c) for f, c in ((4, 1), (4, 2), (3, 1)))), "") if msh else ""
        return self._facility

    @property
    def _sender(self) -> tuple[str, ...]:
        """MSH-3 and MSH-4 as they stand: what the facility follows from."""
        leads = self.segments and self.segments[0].name == "MSH"
        msh = self.segments[0] if leads else self.first("MSH")
        return tuple(msh.fields[2:5]) if msh is not None else ()

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def all(self, name: str) -> list[Segment]:
        """Every segment of that name, in order."""
        return [segment for segment in self.segments if segment.name == name]

    def to_bytes(self, place: int) -> int:
        """The byte at which a character of `text` begins."""
        if self._ascii:
            return place
        if self.codec == "utf-8" or self.codec.startswith(("iso8859", "cp")):
            return len(self.text[:place].encode(self.codec))
        return _bytes_of(self.raw, place, self.codec)


def parse(raw: bytes, charset: str | None = None, fallback: str | None = None) -> Er7 | Fault:
    """Reads a message. `charset` overrides MSH-18; `fallback` (a Python codec) is tried when bytes do not fit; never raises."""
    message = opened(raw, charset, fallback)
    if not isinstance(message, Fault):
        split(message)
    return message


def opened(raw: bytes, charset: str | None = None, fallback: str | None = None) -> Er7 | Fault:
    """A message whose segments are not read yet."""
    header = read_header(raw)
    if isinstance(header, Fault):
        return header
    excess = too_many(raw, header.marks)
    if excess is not None:
        return excess
    declared = header.raw(18).replace(header.marks.repetition, "~")
    decoded = charsets.decode(raw, declared, charset, fallback)
    if isinstance(decoded, Fault):
        return decoded
    text, codec, contradicted = decoded
    message = Er7(raw, text, codec, _of_message(header, raw))
    if contradicted:
        message.warnings.append(_warning("E115", f"MSH-18 does not say so, but the text was read as {codec}", "MSH-18"))
    lead = len(raw[: header.at].decode(codec)) if header.at else 0
    if lead:
        message.lead = text[:lead]
        message.warnings.append(_warning("E116", "characters before the first segment were skipped"))
    return message


def too_many(raw: bytes, marks: Delimiters) -> Fault | None:
    """The fault of a message with more segments or parts than any honest one has; cheap."""
    size = len(raw)
    if size > MAX_SEGMENTS and max(raw.count(b"\r"), raw.count(b"\n")) > MAX_SEGMENTS:
        return Fault(Kind.INCORRECT, "E120", f"more than {MAX_SEGMENTS} segments", help="Split the message.")
    if size > MAX_PARTS:
        for mark in (marks.repetition, marks.component, marks.subcomponent):
            if mark != ABSENT and raw.count(mark.encode()) > MAX_PARTS:
                return Fault(
                    Kind.INCORRECT, "E120", f"more than {MAX_PARTS} repetitions or components", help="Split the message."
                )
    return None


def _of_message(header: Header, raw: bytes) -> Header:
    """In a batch the header that counts is that of its first message."""
    if header.fields[0] == "MSH":
        return header
    at = max(raw.find(b"\rMSH"), raw.find(b"\nMSH"))
    found = read_header(raw[at + 1 :]) if at >= 0 else header
    return header if isinstance(found, Fault) else found._replace(at=header.at, marks=header.marks)


def _warning(code: str, text: str, at: str = "") -> Fault:
    return Fault(Kind.INCORRECT, code, text, at)


def _bytes_of(raw: bytes, place: int, codec: str) -> int:
    """Where character `place` begins, for encodings with state or of varying width: decoded byte by byte."""
    decoder = codecs.getincrementaldecoder(codec)()
    count = 0
    for index in range(len(raw)):
        if count >= place:
            return index
        count += len(decoder.decode(raw[index : index + 1]))
    return len(raw)
