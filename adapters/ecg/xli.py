"""XLI, the compression of Philips Sierra XML: ten-bit LZW, bytes by halves, second differences, and limb leads as residuals.

A lead is an 8-byte header (uint32 length of the LZW data, 2 bytes, int16 first value) and the data; all numbers little-endian.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 10
BIAS = 64
Steps = NDArray[np.int64]


def leads(data: bytes, count: int, length: int) -> list[Steps] | str:
    """`count` leads of `length` samples each, as stored (limb leads still residuals); or what is wrong."""
    out: list[Steps] = []
    at = 0
    for _ in range(count):
        size = int.from_bytes(data[at : at + 4], "little")
        if at + 8 > len(data) or size > len(data) - at - 8:
            return "the compressed data end before the last lead"
        first = int.from_bytes(data[at + 6 : at + 8], "little", signed=True)
        halves = lzw(data[at + 8 : at + 8 + size], 2 * length)
        if halves is None:
            return "a compressed lead holds a code that was never made"
        if len(halves) < 2 * length:
            return "a compressed lead has fewer samples than declared"
        out.append(_undifferenced(_joined(halves), first))
        at += 8 + size
    return out


def lzw(data: bytes, most: int) -> bytes | None:
    """Ten-bit codes, most significant bit first, a table of 1024 that is not cleared; stops at `most` bytes. None: a bad code."""
    table = [bytes([value]) for value in range(256)]
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    raw = bits[: len(bits) - len(bits) % BITS].reshape(-1, BITS)
    codes = (raw.astype(np.int64) @ (1 << np.arange(BITS - 1, -1, -1))).tolist()
    out: list[bytes] = []
    total, last = 0, b""
    for code in codes:
        if code < len(table):
            word = table[code]
        elif code == len(table) and last:
            word = last + last[:1]
        else:
            return None
        if last and len(table) < 1 << BITS:
            table.append(last + word[:1])
        out.append(word)
        total += len(word)
        last = word
        if total >= most:
            break
    return b"".join(out)[:most]


def _joined(halves: bytes) -> Steps:
    """All high bytes, then all low bytes, to int16."""
    half = len(halves) // 2
    high = np.frombuffer(halves[:half], np.uint8).astype(np.uint16)
    low = np.frombuffer(halves[half : 2 * half], np.uint8)
    return ((high << 8) | low).astype(np.uint16).view(np.int16).astype(np.int64)


def _undifferenced(stored: Steps, first: int) -> Steps:
    """The samples of a lead: the first two stand as they are, then x[k] = 2 x[k-1] - x[k-2] - d[k-1], where d[1] is `first`."""
    if len(stored) < 3:
        return stored
    bends = np.concatenate([[first], stored[2:-1] - BIAS])
    slopes = stored[1] - stored[0] - np.concatenate([[0], np.cumsum(bends)])
    return np.concatenate([stored[:1], stored[0] + np.cumsum(slopes)])


def limbs(rows: list[Steps]) -> None:
    """Replaces the residuals of III, aVR, aVL and aVF (rows 2 to 5) by the leads, from I and II."""
    i, ii = rows[0], rows[1]
    rows[2] = ii - i - rows[2]
    rows[3] = -rows[3] - (i + ii) // 2
    rows[4] = (i - rows[2]) // 2 - rows[4]
    rows[5] = (ii + rows[2]) // 2 - rows[5]
