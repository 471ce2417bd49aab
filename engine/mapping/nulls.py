"""What a message says to delete: an element written from fields of which one is sent as HL7's `""` and none is valued, and what a
rule clears (`clear if MSH-9.2 = A13: period.end`) of an element that the message says nothing of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.mapping import bound
from engine.mapping.compile_test import ask
from engine.mapping.run import Run
from engine.types import Path, Scope

Cleared = Callable[[Scope, dict[str, Any], Run], tuple[str, ...]]


def nulls(rule: bound.Resource) -> Cleared:
    """A function giving the names of the elements of a made resource that are to be cleared, `period.end` for one below another."""
    elements = [(entry.name, tuple(paths(entry))) for entry in rule.body.entries]
    elements = [(name, found) for name, found in elements if found]

    def clear(scope: Scope, made: dict[str, Any], run: Run) -> tuple[str, ...]:
        return tuple(name for name, found in elements if name not in made and any(path.null(scope) for path in found))

    lines = [(one.names, ask(one.test) if one.test is not None else None) for one in rule.clear]
    if not lines:
        return clear

    def more(scope: Scope, made: dict[str, Any], run: Run) -> tuple[str, ...]:
        told = [name for names, holds in lines if holds is None or holds(scope, run) for name in names]
        return tuple(dict.fromkeys((*clear(scope, made, run), *(name for name in told if name.partition(".")[0] not in made))))

    return more


def paths(entry: bound.Entry) -> Iterator[Path]:
    """The paths an element is written from, those read from the resource's own scope."""
    for variant in entry.variants:
        if variant.each:
            continue
        yield from _of(variant.value)


def _of(value: bound.Value | bound.Fixed | bound.Object) -> Iterator[Path]:
    if isinstance(value, bound.Value):
        yield from (one.path for one in value.choice if isinstance(one, bound.Read))
    elif isinstance(value, bound.Object):
        if value.own is not None:
            yield from _of(value.own)
        for entry in value.entries:
            yield from paths(entry)
