"""A channel to a plan: formulas bound to the source's format, steps compiled, destinations tied to their mappings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from engine.channel.model import Channel, Used
from engine.channel.parcels import compile_deliveries
from engine.diagnostic import Diagnostic
from engine.fault import Fault
from engine.mapping.conditions import condition, order
from engine.mapping.library import Library, Plugins
from engine.run import Plan
from engine.types import Run, Site

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tools:
    """What compiling a channel needs besides the channel."""

    plugins: Plugins
    library: Library
    site: Site


def compile_channel(channel: Channel, tools: Tools) -> tuple[Plan | None, list[Diagnostic]]:
    """The channel's plan, or None with the findings. A channel without an order keeps its sender's order."""
    found: list[Diagnostic] = []
    format = tools.plugins.formats[channel.format]
    converters = tools.plugins.converters
    accepts = key = None
    if channel.accept is not None:
        accepts = _kept(condition(channel.accept.text, channel.accept.at, format, converters=converters), found)
    if channel.order is not None:
        key = _kept(order(channel.order.text, channel.order.at, format, converters=converters), found)
    steps = _steps(channel.steps, tools.site, found)
    stores = [each for each in channel.destinations if each.to.name.endswith("_store")]
    mapped = any(getattr(step.plugin, "mappings", ()) for step in channel.steps)
    slow = any(getattr(step.plugin, "slow", False) for step in channel.steps)
    deliveries, wrong = compile_deliveries(channel, tools.site, format, converters)
    found += wrong
    errors = [one for one in found if one.severity == "error"]
    if errors:
        return None, found
    used = sorted(
        {name for step in channel.steps for name in getattr(step.plugin, "mappings", ())}
        | {d.map for d in channel.destinations if d.map}
    )
    versions = " ".join(f"{name}={tools.library.mappings[name].digest}" for name in used if name in tools.library.mappings)
    digest = sha256(f"{channel.digest} {versions}".encode()).hexdigest()[:16]
    return Plan(
        channel.name, digest, format, steps, accepts, key, channel.on_failure, bool(stores), channel.strict, slow,
        None if mapped else getattr(format, "puts", None), deliveries,
    ), found  # fmt: skip


def _kept(made: T | list[Diagnostic], found: list[Diagnostic]) -> T | None:
    """The function, or None with its findings noted."""
    if isinstance(made, list):
        found += made
        return None
    return made


def _steps(steps: Sequence[Used], site: Site, found: list[Diagnostic]) -> tuple[Run, ...]:
    compiled = []
    for step in steps:
        run = step.plugin.compile(site)
        if isinstance(run, Fault):
            found.append(Diagnostic(run.code, run.text, step.at, run.help))
        else:
            compiled.append(run)
    return tuple(compiled)
