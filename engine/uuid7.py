"""UUID version 7 (RFC 9562 section 5.7): milliseconds since 1970, then a count, then chance, so that ids sort by time."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0
_count = 0


def uuid7() -> UUID:
    """A new id, larger than every earlier one of this process, whatever the clock does."""
    global _last, _count  # noqa: PLW0603
    with _lock:
        now = time.time_ns() // 1_000_000
        if now > _last:
            _last, _count = now, int.from_bytes(os.urandom(2), "big") & 0x7FF
        else:
            _count += 1
            if _count > 0xFFF:
                _last, _count = _last + 1, 0
        stamp, count = _last, _count
    chance = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=(stamp << 80) | (7 << 76) | (count << 64) | (2 << 62) | chance)
