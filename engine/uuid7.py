"""UUID version 7 (RFC 9562 section 5.7): milliseconds since 1970, then a count, then chance, so that ids sort by time."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

CHANCE = 4096  # bytes asked of the system at once: each call of it lets another thread go first
_lock = threading.Lock()
_last = 0
_count = 0
_store = b""
_at = 0


def uuid7() -> UUID:
    """A new id, larger than every earlier one of this process, whatever the clock does."""
    global _last, _count  # noqa: PLW0603
    with _lock:
        now = time.time_ns() // 1_000_000
        if now > _last:
            _last, _count = now, _chance(2) & 0x7FF
        else:
            _count += 1
            if _count > 0xFFF:
                _last, _count = _last + 1, 0
        stamp, count, chance = _last, _count, _chance(8) & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=(stamp << 80) | (7 << 76) | (count << 64) | (2 << 62) | chance)


def _chance(size: int) -> int:
    """A number of so many bytes that nobody can foresee."""
    global _store, _at  # noqa: PLW0603
    if _at + size > len(_store):
        _store, _at = os.urandom(CHANCE), 0
    _at += size
    return int.from_bytes(_store[_at - size : _at], "big")


def _parted() -> None:
    """A forked process asks for chance of its own; another thread may have held the lock when it was forked."""
    global _lock, _store
    _lock, _store = threading.Lock(), b""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_parted)
