"""The tests and paths of a channel (`accept if`, `in order by`), in the mapping language's own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from engine.diagnostic import Diagnostic, Span
from engine.fault import Fault
from engine.mapping import bound
from engine.mapping.bind_formula import bind_key
from engine.mapping.bind_test import bind_test
from engine.mapping.compile_test import ask
from engine.mapping.compile_value import Kit, value_of
from engine.mapping.context import Context, Ends, Notes
from engine.mapping.formula import keys
from engine.mapping.functions import FUNCTIONS
from engine.mapping.key import test
from engine.mapping.ports import Converters, Model
from engine.mapping.run import Run
from engine.types import Format, Scope


def condition(
    text: str, at: Span, format: Format, structure: str = "", converters: Sequence[Converters] = ()
) -> Callable[[Scope], bool] | list[Diagnostic]:
    """`MSH-9.1 = ORU and MSH-9.2 = R01` as a function of a parsed body."""
    parsed = test(text, at)
    if isinstance(parsed, Diagnostic):
        return [parsed]
    context = _context(format, structure, converters)
    bound = bind_test(parsed, context)
    if context.notes.found or bound is None:
        return context.notes.found
    holds = ask(bound)
    return lambda scope: holds(scope, Run())


def order(
    text: str, at: Span, format: Format, structure: str = "", converters: Sequence[Converters] = ()
) -> Callable[[bytes], str] | list[Diagnostic]:
    """`PID-3.1 else MSH-4` as a function giving a body's order key; several parts, separated by commas, are joined by a bar. A body
    that cannot be read has none.
    """
    parsed = keys(text, at)
    if isinstance(parsed, Diagnostic):
        return [parsed]
    context = _context(format, structure, converters)
    parts = [bind_key(part, context) for part in parsed]
    if context.notes.found:
        return context.notes.found
    made = [value_of(part, Kit(None)) for part in parts if part is not None]
    read = _beginning(format, [part for part in parts if part is not None]) or format.parse

    def key(body: bytes) -> str:
        scope = read(body)
        if isinstance(scope, Fault):
            return ""
        run = Run()
        return "|".join([part(scope, run) or "" for part in made])

    return key


def _beginning(format: Format, parts: Sequence[bound.Value]) -> Callable[[bytes], Scope | Fault] | None:
    """What reads no more of a body than these parts need, where the format has such a thing (`Format.lead`)."""
    lead = getattr(format, "lead", None)
    reads = [one for part in parts for one in part.choice if isinstance(one, bound.Read)]
    if lead is None or any(step.all for one in reads for step in one.steps):
        return None
    return lead([one.path for one in reads])  # type: ignore[no-any-return]


def _context(format: Format, structure: str, converters: Sequence[Converters]) -> Context:
    nothing_is_written = cast(Model, None)
    return Context(Ends(format, structure, nothing_is_written, converters, {}, FUNCTIONS), Notes())
