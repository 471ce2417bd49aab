"""Splits the text of a message into segments; what does not look like a segment belongs to the one before it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from adapters.hl7v2.segment import Segment
from adapters.hl7v2.tables import segments as known_segments
from engine.fault import Fault, Kind

if TYPE_CHECKING:
    from adapters.hl7v2.er7 import Er7

_BREAK = re.compile(r"(\r\n|\r|\n)")
_ODD = ("\n", "\x00", "\x0b", "\x1c", "\r\r")  # sought one by one: a pattern of them takes fifteen times as long


def split(message: Er7) -> None:
    """Fills in the message's segments."""
    text, lead = message.text, len(message.lead)
    if "\n" in text or "\r\r" in text or not _fill(message, text[lead:] if lead else text, lead):
        _split_tolerantly(message, lead)


def split_beginning(message: Er7, names: Iterable[str]) -> bool:
    """Fills in the segments up to the first of each name; False, with none filled in, where that is not certain to give the same
    first segments as the whole message: something is odd there, a name does not occur, or what follows may belong to the last one.
    """
    if message.lead:
        return False
    text, mark, end = message.text, message.delimiters.field, 0
    for name in names:
        at = text.find(f"\r{name}{mark}")
        if at < 0:
            return False
        end = max(end, at + 1)
    end = text.find("\r", end) + 1
    end = text.find("\r", end) + 1 if end else 0  # one more, which shows that the last one is all there
    head = text[:end] if end else text
    return not any(odd in head for odd in _ODD) and _fill(message, head, 0)


def _fill(message: Er7, text: str, start: int) -> bool:
    """Fills in the segments of a text that begins at a place of the message; False, with nothing done, when a line is none."""
    lines = text.split("\r")
    last = lines.pop()
    if last:
        lines.append(last)
    looks = _looks_like(message.delimiters.field)
    if not looks.known.issuperset([line[:4] for line in lines]) and not all(map(looks, lines)):
        return False
    segments = message.segments
    for index, line in enumerate(lines):
        segments.append(Segment(line[:3], line, "\r", start, index, message))
        start += len(line) + 1
    if last:
        segments[-1].end = ""
    return True


def _split_tolerantly(message: Er7, lead: int) -> None:
    looks = _looks_like(message.delimiters.field)
    pieces = _BREAK.split(message.text[lead:])
    pieces.append("")
    place, oddities = lead, set[str]()
    segments = message.segments
    parts: list[str] = []  # of the segment being read: lines and the breaks between them
    for line, end in zip(pieces[::2], pieces[1::2], strict=True):
        if end in ("\n", "\r\n"):
            oddities.add("E117")
        if not line.strip("\x0b\x1c\x00\t "):
            parts += (line, end)
            oddities.update(("E118",) if end else ())
            continue
        if looks(line) or looks.in_small_letters(line):
            place = _close(segments, parts, place)
            if not line[:3].isupper():
                oddities.add("E123")
            segments.append(Segment(line[:3].upper(), line, "", place, len(segments), message))
            parts = [line, end]
        else:
            parts += (line, end)
            oddities.add("E119")
    _close(segments, parts, place)
    message.warnings += [Fault(Kind.INCORRECT, code, _ODDITIES[code]) for code in sorted(oddities)]


def _close(segments: list[Segment], parts: list[str], place: int) -> int:
    """Gives the last segment its text and terminator, continuation lines included; where the next one begins."""
    if not segments:
        return place + sum(map(len, parts))
    whole = "".join(parts)
    segment = segments[-1]
    segment.line = whole.rstrip("\r\n\x0b\x1c\x00")
    segment.end = whole[len(segment.line) :]
    return place + len(whole)


_ODDITIES = {
    "E117": "segments end in LF instead of CR",
    "E118": "there are blank lines between segments",
    "E123": "a segment's name is not in capitals",
    "E119": "a line that is no segment was read as part of the segment before it",
}


class _Looks:
    """Tells whether a line begins like a segment: a name of three characters, then the field separator or nothing. `known` are
    beginnings, of four characters, that do.
    """

    __slots__ = ("_pattern", "_small", "known")

    def __init__(self, mark: str) -> None:
        self.known: set[str] = set()
        self._pattern = re.compile(rf"[A-Z][A-Z0-9]{{2}}(?:{re.escape(mark)}|\s*\Z)")
        self._small = re.compile(rf"[A-Za-z][A-Za-z0-9]{{2}}{re.escape(mark)}")

    def __call__(self, line: str) -> bool:
        start = line[:4]
        if start in self.known:
            return True
        if self._pattern.match(line) is None:
            return False
        if len(start) == 4 and len(self.known) < 1000:
            self.known.add(start)
        return True

    def in_small_letters(self, line: str) -> bool:
        """True for `pid|`: the name of a known segment, not in capitals."""
        return self._small.match(line) is not None and line[:3].upper() in known_segments()


@lru_cache(maxsize=64)
def _looks_like(mark: str) -> _Looks:
    return _Looks(mark)
