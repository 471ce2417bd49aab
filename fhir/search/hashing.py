"""Search values as 64-bit numbers: short to store, quick to compare, the same in every process and release."""

from __future__ import annotations

import struct
from hashlib import blake2b

LENGTH = b"\x00\x00\x00\x08"  # PostgreSQL's binary form of an array's element: its length, then its bytes
MAX_KEPT = 1 << 16
ENDS = struct.Struct("!idid")
_kept: dict[str, bytes] = {}


def digest8(text: str) -> bytes:
    """Eight bytes that stand for a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def packed(text: str) -> bytes:
    """A text's number as an element of a binary array; codes come again and again, so answers are kept."""
    found = _kept.get(text)
    if found is None:
        found = LENGTH + digest8(text)
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        _kept[text] = found
    return found


def unique(text: str) -> bytes:
    """As `packed`, for values that are not expected again: identifiers, references to single resources."""
    return LENGTH + digest8(text)


def number(text: str) -> int:
    """A text's number as SQL's bigint."""
    return int.from_bytes(digest8(text), "big", signed=True)


def tag(text: str) -> float:
    """A text's number as a whole float8: what stands before a range."""
    return float(int.from_bytes(digest8(text)[:6], "big"))


def tag_packed(text: str) -> bytes:
    """A tag as an element of a binary array of float8."""
    return LENGTH + struct.pack("!d", tag(text))


def ends(low: float, high: float) -> bytes:
    """A range as two elements of a binary array of float8."""
    return ENDS.pack(8, low, 8, high)
