"""A message mapped by what is deployed, for whoever wants only to look: nothing is stored and nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.fault import Fault, Kind, Refused
from engine.mapping.library import fits
from engine.run import bug
from engine.types import JSON, Format


def convert(
    formats: Mapping[str, Format], mappings: Mapping[str, Any], body: bytes, format: str
) -> list[JSON] | tuple[Fault, ...]:
    """The resources a message becomes by the mapping that fits its type, or why not; never raises."""
    try:
        told, scope = formats[format].envelope(body), formats[format].parse(body)
        if isinstance(told, Fault) or isinstance(scope, Fault):
            return (told if isinstance(told, Fault) else scope,)  # type: ignore[return-value]
        mapping = fits(mappings.values(), format, told.type)
        if mapping is None:
            return (Fault(Kind.UNSUPPORTED, "E490", "no mapping reads this type of message", "MSH-9", "add a mapping"),)
        made = mapping.work(scope)
        return made if isinstance(made, tuple) else [put.body for put in made.puts]
    except Refused as refused:
        return (refused.fault,)
    except (Exception, RecursionError) as error:
        return (bug(error),)
