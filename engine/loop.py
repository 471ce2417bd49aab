"""The event loop: uvloop where it is installed, asyncio's own elsewhere."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


def leave(code: int) -> NoReturn:
    """Ends the process at once: everything is stopped and flushed, and taking millions of objects apart one by one serves nobody."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end on the quickest loop at hand."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
