"""ECG files in and out: one reader a format, one `Recording` for all of them.

What reads needs numpy and lxml, so it is imported when it is first asked for: an engine that meets no ECG never loads them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.ecg.formats import read
    from adapters.ecg.holter import Trends
    from adapters.ecg.holter import read as read_trends
    from adapters.ecg.recording import Recording

__all__ = ["Recording", "Trends", "read", "read_trends"]

HOMES = {
    "read": ("formats", "read"),
    "Trends": ("holter", "Trends"),
    "read_trends": ("holter", "read"),
    "Recording": ("recording", "Recording"),
}


def __getattr__(name: str) -> Any:
    """What the package offers, from the module that has it."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = HOMES[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)
