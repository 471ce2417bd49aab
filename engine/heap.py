"""The garbage collector, told what stays: channels, mappings, tables and code are not looked through again and again.

A message leaves some hundred objects that point to each other and are dropped together; collecting them in larger lots costs less, and
what is loaded once (most of the heap) is left out, so that no collection makes an acknowledgement wait.
"""

from __future__ import annotations

import gc

YOUNG = 20_000  # objects made and not yet dropped before the young ones are looked through: some dozens of messages


def settle() -> None:
    """Everything that is there now stays; called when the engine is ready, and after each deployment."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
