"""The garbage collector, told what stays: channels, mappings, tables and code are not looked through again and again.

What is loaded once (most of the heap) is left out, so that no collection makes an acknowledgement wait. A worked message's parts point to
each other: they are let go of, so that their memory is used again at once, while it is still in the processor's caches.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

YOUNG = 5_000  # objects made and not yet dropped before the young ones are looked through: a pause nobody notices
BATCH = 50_000  # the same where a batch is worked, whose objects all live until it is written: looking through them finds nothing

DEPLOYMENTS = 16  # from one look for what they replaced to the next

TRIM, OWN_MAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
KEPT = 64 << 20  # bytes that may lie unused
_deployments = count(1)


def settle(young: int = YOUNG) -> None:
    """Everything that is there now stays, and what is no longer reached is dropped."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 10, 10)


def stay(young: int = YOUNG) -> None:
    """What was loaded since then stays too: only that is looked through, so a process may say so again and again while it warms up, and
    one that was forked leaves what it shares untouched."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 10, 10)


def renew(young: int = YOUNG) -> None:
    """After a deployment what it brought stays, too. What it replaced is looked for after some of them only: that writes into every page,
    also into those that are shared with other processes."""
    (settle if next(_deployments) % DEPLOYMENTS == 0 else stay)(young)


def keep() -> None:
    """Memory that is given back is used again by this process, not handed to the system: an ECG's arrays are made and dropped by the
    hundred, and each time the system would have to clear their pages anew. Where the C library has no such setting, it is left."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(TRIM, KEPT)
    mallopt(OWN_MAP, KEPT // 2)


@contextmanager
def building() -> Iterator[None]:
    """No collection while much is built that stays: each would look through all of it, and half of the time went into that."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def release(document: Any) -> None:
    """Lets go of a parsed body that nobody reads any more, where its format knows how."""
    go = getattr(document, "release", None)
    if go is not None:
        go()
