"""The engine's own steps. `map` turns the parsed message into resources by the mapping that fits it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.diagnostic import absent, did_you_mean
from engine.fault import Fault, Kind
from engine.mapping.library import fits
from engine.types import Run, Site, Work


def _named(name: str, site: Site) -> str:
    return did_you_mean(name, site.mappings) or f"mappings: {', '.join(sorted(site.mappings)) or 'none'}"


@dataclass(frozen=True, slots=True)
class Map:
    """`map: oru_r01`, or several: the one whose message type fits is used; a message that fits none is held."""

    mappings: tuple[str, ...]  # one, or several of which the first that fits the type is run

    def compile(self, site: Site) -> Run | Fault:
        """Looks the mappings up."""
        missing = [name for name in self.mappings if name not in site.mappings]
        if missing:
            text = absent("mapping", missing[0])
            return Fault(Kind.NOT_FOUND, "E230", text, "map", _named(missing[0], site))
        chosen = [site.mappings[name] for name in self.mappings]
        return _single(chosen[0]) if len(chosen) == 1 else _fitting(chosen)


def _single(mapping: Any) -> Run:
    def step(work: Work) -> Work | tuple[Fault, ...]:
        made = mapping.work(work.document)
        if isinstance(made, tuple):
            return made
        return replace(work, puts=(*work.puts, *made.puts), warnings=(*work.warnings, *made.warnings))

    return step


def _fitting(mappings: list[Any]) -> Run:
    known: dict[str, Run | None] = {}

    def step(work: Work) -> Any:
        type = work.message.envelope.type
        if type not in known and len(known) < 1000:
            found = fits(mappings, work.message.format, type)
            known[type] = _single(found) if found else None
        chosen = known.get(type)
        return chosen(work) if chosen else NONE_FITS

    return step


NONE_FITS = Fault(
    Kind.UNSUPPORTED,
    "E490",
    "none of the channel's mappings reads this type of message",
    "MSH-9",
    "add a mapping, or narrow `accept if`",
)
