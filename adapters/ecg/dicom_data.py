"""DICOM data sets as far as ECGs need them (PS3.5, PS3.10): implicit or explicit, deflated, big-endian, nested sequences.

Values stay bytes, little-endian whatever the file is, until they are asked for; nothing is allocated by a declared length, and
elements and depth are bounded.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.ecg.recording import bad
from engine.fault import Fault, Kind

LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
WORDS = {
    b"US": 2, b"SS": 2, b"OW": 2, b"AT": 2, b"UL": 4, b"SL": 4, b"FL": 4, b"OL": 4, b"OF": 4, b"FD": 8, b"OD": 8, b"OV": 8,
}  # fmt: skip
WAVEFORM = b"1.2.840.10008.5.1.4.1.1.9."  # what the class of every waveform object begins with
MOST_INFLATED = 64 << 20
OPEN = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
SEQUENCES = {
    0x00400555,
    0x0040B020,
    0x0040A043,
    0x004008EA,
    0x0040A168,
    0x54000100,
    0x003A0200,
    0x003A0208,
    0x003A0211,
    0x003A0209,
}
CHARSETS = {
    "ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gb18030", "13": "cp932", "100": "latin-1", "101": "iso8859-2", "109": "iso8859-3",
    "110": "iso8859-4", "126": "iso8859-7", "127": "iso8859-6", "138": "iso8859-8", "144": "iso8859-5", "148": "iso8859-9",
    "166": "cp874", "203": "iso8859-15", "87": "iso2022_jp", "159": "iso2022_jp_1", "149": "euc_kr", "58": "gb2312",
}  # fmt: skip
MOST_ELEMENTS = 50_000
MOST_DEPTH = 16


@dataclass(slots=True)
class Set:
    """A data set: tag → bytes, tag → items of a sequence."""

    values: dict[int, bytes] = field(default_factory=dict)
    items: dict[int, list[Set]] = field(default_factory=dict)

    def text(self, tag: int, charset: str = "latin-1") -> str:
        """A text value, trimmed; the first of several."""
        return self.values.get(tag, b"").decode(charset, "replace").split("\\")[0].strip("\0 ")

    def number(self, tag: int) -> int:
        """An unsigned number of the value's own length; 0 when absent."""
        return int.from_bytes(self.values.get(tag, b"")[:4], "little")

    def first(self, tag: int) -> Set:
        """The first item of a sequence, or an empty set."""
        return next(iter(self.items.get(tag, [])), Set())

    def each(self, tag: int) -> Iterator[Set]:
        """The items of a sequence."""
        return iter(self.items.get(tag, []))


class _Cut(Exception):
    """The data set ends in the middle, or crosses a bound."""


def looks(body: bytes) -> bool:
    """Whether the bytes are a DICOM file, or a data set of a waveform without what stands before it in a file."""
    return body[128:132] == b"DICM" or (body[:2] == b"\x08\0" and body[3:4] == b"\0" and WAVEFORM in body[:2048])


def charset_of(data: Set) -> str:
    """How its texts are coded, by Specific Character Set (PS3.3 C.12.1.1.2): the last one it names is what its letters need."""
    named = [one.strip() for one in data.values.get(0x00080005, b"").decode("latin-1").strip("\0 ").split("\\")]
    known = [found for one in named if (found := CHARSETS.get(one) or CHARSETS.get(one.rpartition("IR ")[2]))]
    return known[-1] if known else "latin-1"


def parse(body: bytes) -> Set | Fault:
    """Reads a DICOM file: preamble, meta group, data set; or the bare data set, little-endian."""
    if not looks(body):
        return bad("E151", "this is not a DICOM file")
    try:
        if body[128:132] == b"DICM":
            meta, at = _meta(body)
            syntax = meta.text(0x00020010)
        else:
            at, syntax = 0, EXPLICIT if body[4:6].isalpha() and body[4:6].isupper() else IMPLICIT
        if syntax not in (IMPLICIT, EXPLICIT, DEFLATED, BIG):
            return Fault(Kind.UNSUPPORTED, "E157", "the transfer syntax is not read", help="send waveforms, not pictures")
        if syntax == DEFLATED:
            body, at = _inflated(body[at:]), 0
        found = _Reader(body, syntax != IMPLICIT, big=syntax == BIG).dataset(at, len(body), 0)[0]
    except (_Cut, struct.error, zlib.error):
        return bad("E158", "the DICOM data set is cut off or out of bounds")
    return found


def _inflated(data: bytes) -> bytes:
    unpacked = zlib.decompressobj(-15)
    found = unpacked.decompress(data, MOST_INFLATED)
    if unpacked.unconsumed_tail or not unpacked.eof:
        raise _Cut
    return found


def _meta(body: bytes) -> tuple[Set, int]:
    reader, at, meta = _Reader(body, True), 132, Set()
    while at + 8 <= len(body) and body[at : at + 2] == b"\x02\0":
        at = reader.element(meta, at, len(body), 0)
    return meta, at


class _Reader:
    """Walks a body; counts elements over all nested sets."""

    def __init__(self, body: bytes, explicit: bool, left: int = MOST_ELEMENTS, big: bool = False) -> None:
        self.body, self.explicit, self.left, self.big = body, explicit, left, big
        order = ">" if big else "<"
        self.word, self.long = struct.Struct(order + "H"), struct.Struct(order + "I")

    def dataset(self, at: int, end: int, depth: int) -> tuple[Set, int]:
        """A set up to `end`, or up to its own end mark."""
        found = Set()
        if depth > MOST_DEPTH:
            raise _Cut
        while at + 8 <= end:
            if self._tag(at) in (ITEM_END, SEQUENCE_END):
                return found, at + 8
            at = self.element(found, at, end, depth)
        return found, at

    def element(self, into: Set, at: int, end: int, depth: int) -> int:
        """Reads one element into the set; returns where the next one begins."""
        self.left -= 1
        if self.left < 0:
            raise _Cut
        tag, vr = self._tag(at), self.body[at + 4 : at + 6]
        size: int
        if not self.explicit:
            vr = b"SQ" if tag in SEQUENCES else b""
            size, at = self.long.unpack_from(self.body, at + 4)[0], at + 8
        elif vr in LONG:
            size, at = self.long.unpack_from(self.body, at + 8)[0], at + 12
        else:
            size, at = self.word.unpack_from(self.body, at + 6)[0], at + 8
        if size == OPEN or vr == b"SQ":
            inner = self if vr == b"SQ" or not self.explicit else _Reader(self.body, False, self.left, self.big)
            into.items[tag], after = inner.sequence(at, end if size == OPEN else at + size, size == OPEN, depth + 1)
            self.left = inner.left
            return after
        if at + size > end:
            raise _Cut
        value = self.body[at : at + size]
        into.values[tag] = _turned(value, WORDS.get(vr, 1)) if self.big else value
        return at + size

    def sequence(self, at: int, end: int, open_ended: bool, depth: int) -> tuple[list[Set], int]:
        """The items of a sequence."""
        out: list[Set] = []
        if end > len(self.body):
            raise _Cut
        while at + 8 <= end:
            tag, size = self._tag(at), self.long.unpack_from(self.body, at + 4)[0]
            at += 8
            if tag == SEQUENCE_END:
                return out, at
            if tag != ITEM or (size != OPEN and at + size > end):
                raise _Cut
            item, after = self.dataset(at, end if size == OPEN else at + size, depth)
            out.append(item)
            at = after if size == OPEN else at + size
        if open_ended:
            raise _Cut
        return out, end

    def _tag(self, at: int) -> int:
        body = self.body
        if self.big:
            return int.from_bytes(body[at : at + 4], "big")
        return body[at + 1] << 24 | body[at] << 16 | body[at + 3] << 8 | body[at + 2]


def _turned(value: bytes, word: int) -> bytes:
    """Numbers of so many bytes from big- to little-endian."""
    whole = len(value) - len(value) % word
    turned = bytearray(value)
    for place in range(word if word > 1 else 0):
        turned[place:whole:word] = value[word - 1 - place : whole : word]
    return bytes(turned)
