"""The signal formats of WFDB (signal(5) of the WFDB Applications Guide): packed bytes to whole numbers.

Each decoder takes bytes and gives int32; the file's own mark of a missing sample becomes `MISSING`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = -(1 << 31)
Steps = NDArray[np.int32]
BITS = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10, 508: 8, 516: 16, 524: 24}
INVALID = {
    16: -(1 << 15), 61: -(1 << 15), 24: -(1 << 23), 32: -(1 << 31), 80: -128, 160: -(1 << 15), 212: -(1 << 11), 310: -512, 311: -512,
    508: -128, 516: -(1 << 15), 524: -(1 << 23),
}  # fmt: skip


def decoded(format: int, data: bytes) -> Steps:
    """All whole samples the data hold, in the order they are stored."""
    return marked(format, _values(format, np.frombuffer(data, np.uint8)))


def marked(format: int, values: Steps) -> Steps:
    """The samples with `MISSING` for the format's own mark."""
    if format in INVALID and INVALID[format] != MISSING and (gaps := values == INVALID[format]).any():
        return np.where(gaps, np.int32(MISSING), values)
    return values


def _values(format: int, raw: NDArray[Any]) -> Steps:
    if format in (16, 61, 160):
        pairs = raw[: len(raw) & ~1].view("<i2" if format != 61 else ">i2").astype(np.int32)
        return pairs if format != 160 else (raw[: len(raw) & ~1].view("<u2").astype(np.int32) - (1 << 15))
    if format == 32:
        return raw[: len(raw) & ~3].view("<i4").astype(np.int32)
    if format == 80:
        return raw.astype(np.int32) - 128
    if format == 8:
        return raw.view(np.int8).astype(np.int32)
    if format == 24:
        three = raw[: len(raw) - len(raw) % 3].reshape(-1, 3).astype(np.int32)
        return _signed(three[:, 0] | three[:, 1] << 8 | three[:, 2] << 16, 24)
    if format == 212:
        return _by_twelve(raw)
    return _by_ten(raw, format)


def _signed(values: NDArray[Any], bits: int) -> Steps:
    return (((values & ((1 << bits) - 1)) ^ (1 << (bits - 1))) - (1 << (bits - 1))).astype(np.int32)


def _by_twelve(raw: NDArray[Any]) -> Steps:
    """Two samples in three bytes; two bytes at the end hold one more."""
    extra = len(raw) % 3
    three = raw[: len(raw) - extra].reshape(-1, 3).astype(np.int32)
    both = np.stack([three[:, 0] | (three[:, 1] & 0x0F) << 8, three[:, 2] | (three[:, 1] & 0xF0) << 4], axis=1).reshape(-1)
    if extra == 2:
        both = np.append(both, int(raw[-2]) | (int(raw[-1]) & 0x0F) << 8)
    return _signed(both, 12)


def _by_ten(raw: NDArray[Any], format: int) -> Steps:
    """Three samples in four bytes: 310 keeps the third in the low bits of two words, 311 packs them side by side."""
    padded = np.concatenate([raw, np.zeros(-len(raw) % 4, np.uint8)])
    if format == 311:
        words = padded.view("<u4").astype(np.int64)
        three = np.stack([words, words >> 10, words >> 20], axis=1)
    else:
        pairs = padded.view("<u2").astype(np.int64).reshape(-1, 2)
        three = np.stack([pairs[:, 0] >> 1, pairs[:, 1] >> 1, (pairs[:, 0] >> 11) | (pairs[:, 1] >> 11) << 5], axis=1)
    whole = 3 * (len(raw) // 4) + (len(raw) % 4) // 2
    return _signed(three.reshape(-1)[:whole], 10)
