"""A channel to a plan: formulas bound to the source's format, steps compiled, destinations tied to their mappings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from engine.channel.model import Channel, Used
from engine.diagnostic import Diagnostic
from engine.document import Text
from engine.fault import Fault
from engine.mapping import formula
from engine.mapping.bind_formula import bind_key
from engine.mapping.bind_test import bind_test
from engine.mapping.compile import ask
from engine.mapping.compile_value import value_of
from engine.mapping.context import Context, Ends, Notes
from engine.mapping.library import Library, Plugins
from engine.mapping.run import Run as MappingRun
from engine.run import Plan
from engine.types import Run, Scope, Site


@dataclass(frozen=True, slots=True)
class Tools:
    """What compiling a channel needs besides the channel."""

    plugins: Plugins
    library: Library
    site: Site


def compile_channel(channel: Channel, tools: Tools) -> tuple[Plan | None, list[Diagnostic]]:
    """The channel's plan, or None with the findings. A channel without an order keeps its sender's order."""
    notes = Notes()
    format = tools.plugins.formats[channel.format]
    model = next(iter(tools.plugins.models.values()))
    ends = Ends(format, "", model, tools.plugins.converters, tools.library.tables, tools.plugins.functions)
    context = Context(ends, notes)
    accepts = _accepts(channel.accept, context)
    key = _key(channel.order, context)
    steps = _steps(channel.steps, tools.site, notes.found)
    stores = [each for each in channel.destinations if each.to.name.endswith("_store")]
    errors = [one for one in notes.found if one.severity == "error"]
    if errors:
        return None, notes.found
    used = sorted(
        {name for step in channel.steps for name in getattr(step.plugin, "mappings", ())}
        | {d.map for d in channel.destinations if d.map}
    )
    versions = " ".join(f"{name}={tools.library.mappings[name].digest}" for name in used if name in tools.library.mappings)
    digest = sha256(f"{channel.digest} {versions}".encode()).hexdigest()[:16]
    return Plan(channel.name, digest, format, steps, accepts, key, channel.on_failure, bool(stores), channel.strict), notes.found


def _accepts(node: Text | None, context: Context) -> Callable[[Scope], bool] | None:
    if node is None:
        return None
    parsed = formula.test(node.text, node.at)
    if isinstance(parsed, Diagnostic):
        context.notes.found.append(parsed)
        return None
    bound = bind_test(parsed, context)
    return ask(bound) if bound is not None else None


def _key(node: Text | None, context: Context) -> Callable[[Scope], str] | None:
    if node is None:
        return None
    parsed = formula.formula(node.text, node.at)
    if isinstance(parsed, Diagnostic):
        context.notes.found.append(parsed)
        return None
    bound = bind_key(parsed, context)
    if bound is None:
        return None
    read = value_of(bound, context.ends.model)

    def key(scope: Scope) -> str:
        return str(read(scope, MappingRun()) or "")

    return key


def _steps(steps: Sequence[Used], site: Site, found: list[Diagnostic]) -> tuple[Run, ...]:
    compiled = []
    for step in steps:
        run = step.plugin.compile(site)
        if isinstance(run, Fault):
            found.append(Diagnostic(run.code, run.text, step.at, run.help))
        else:
            compiled.append(run)
    return tuple(compiled)
