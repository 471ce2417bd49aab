"""The plug-ins of this installation, for the mapping language."""

from __future__ import annotations

from typing import Any

from engine.mapping.functions import FUNCTIONS
from engine.mapping.library import Plugins
from engine.plugins import formats, plugins


def installed() -> Plugins:
    """Formats, models, converters and functions by their entry points."""
    converters = tuple(_made("converters").values())
    return Plugins(formats(), _made("models"), converters, {**FUNCTIONS, **_made("functions")})


def _made(group: str) -> dict[str, Any]:
    """Each entry of a group, called when it is a class."""
    return {name: one() if isinstance(one, type) else one for name, one in plugins(group).items()}
