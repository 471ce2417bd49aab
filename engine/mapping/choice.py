"""The members of a choice (`valueQuantity`, `valueString` …) as one step: of two dozen lines, only those are tried that the field they
all ask about admits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from engine.mapping import bound
from engine.mapping.run import Run
from engine.types import Scope

Member = Callable[[Scope, Run], "tuple[str, Any] | None"]
Fill = Callable[[Scope, Run], Any]
LEAST = 3  # lines from which on looking up is cheaper than trying
EMPTY = ""


def members(entries: Sequence[bound.Entry]) -> list[bound.Entry]:
    """Each line of the entries as an entry of its own, in the order they are tried."""
    return [bound.Entry(one.name, (variant,), False, one.choice) for one in entries for variant in one.variants]


def first_of(
    lines: Sequence[tuple[bound.Entry, Fill]], read: Callable[[bound.Clause], Callable[[Scope, Run], str | None]]
) -> Member:
    """A step giving the name and the value of the first line that gives something."""
    every = [(entry.name, made) for entry, made in lines]
    asked = [admitted(entry.variants[0].test) for entry, _ in lines]
    often = Counter(path for one in asked for path in one).most_common(1)
    if not often or often[0][1] < LEAST:
        return _trying(every)
    path = often[0][0]
    clause = next(one[path][0] for one in asked if path in one)
    text = read(clause)
    known: dict[str | None, list[tuple[str, Fill]]] = {}
    words = frozenset(word for one in asked if path in one for word in one[path][1])

    def member(scope: Scope, run: Run) -> tuple[str, Any] | None:
        found = text(scope, run)
        key = found if found in words else EMPTY
        tried = known.get(key)
        if tried is None:
            tried = known[key] = [line for line, one in zip(every, asked, strict=True) if path not in one or key in one[path][1]]
        for name, made in tried:
            value = made(scope, run)
            if value is not None:
                return name, value
        return None

    return member


def _trying(lines: Sequence[tuple[str, Fill]]) -> Member:
    def member(scope: Scope, run: Run) -> tuple[str, Any] | None:
        for name, made in lines:
            value = made(scope, run)
            if value is not None:
                return name, value
        return None

    return member


Admitted = dict[str, tuple[bound.Clause, frozenset[str]]]


def admitted(test: bound.Ask | None) -> Admitted:
    """The texts a test admits by path, where it says so outright: `OBX-2 in (ST, TX) and …`."""
    if isinstance(test, bound.Clause):
        return {test.path.text: (test, frozenset(test.words))} if test.sign in ("=", "in") else {}
    if test is None or test.sign != "and":
        return {}
    return {path: found for part in reversed(test.parts) for path, found in admitted(part).items()}
