"""What a message says to delete: an element written from fields of which one is sent as HL7's `""` and none is valued."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.mapping import bound
from engine.types import Path, Scope


def nulls(body: bound.Object) -> Callable[[Scope, dict[str, Any]], tuple[str, ...]]:
    """A function giving the names of the elements of a made resource that are to be cleared."""
    elements = [(entry.name, tuple(paths(entry))) for entry in body.entries]
    elements = [(name, found) for name, found in elements if found]

    def clear(scope: Scope, made: dict[str, Any]) -> tuple[str, ...]:
        return tuple(name for name, found in elements if name not in made and any(path.null(scope) for path in found))

    return clear


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
