"""Tests to closures, which take a scope and its run and give yes or no."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.mapping import bound
from engine.mapping.compare import is_number, ordered
from engine.mapping.compile_value import outside
from engine.mapping.run import Run
from engine.types import Scope

Ask = Callable[[Scope, Run], bool]


def ask(test: bound.Ask) -> Ask:
    """The closure of a test."""
    if isinstance(test, bound.Group):
        return _group(test.sign, [ask(part) for part in test.parts])
    first = test.path.first
    if test.sign in ("valued", "empty"):
        there = test.sign == "valued"
        made: Ask = lambda scope, run: (first(scope) is not None) is there  # noqa: E731
        return outside(test.path, made) if test.path.outer else made
    if test.sign == "repeats":
        every = test.path.all
        return lambda scope, run: len(every(scope)) > 1
    if test.other is not None:
        return _same(test, test.other)
    word = test.words[0] if test.words else ""
    read, sign = text_read(test), test.sign
    if sign in ("<", ">", "<=", ">="):
        return lambda scope, run: (text := read(scope, run)) is not None and ordered(text, sign, word)
    if sign == "number":
        return lambda scope, run: (text := read(scope, run)) is not None and is_number(text)
    wanted = frozenset(test.words)
    if sign in ("!=", "not in"):
        return lambda scope, run: read(scope, run) not in wanted
    return lambda scope, run: read(scope, run) in wanted


def _group(sign: str, parts: Sequence[Ask]) -> Ask:
    first, *rest = parts
    if not rest:
        return first
    second = _group(sign, rest)
    if sign == "and":
        return lambda scope, run: first(scope, run) and second(scope, run)
    return lambda scope, run: first(scope, run) or second(scope, run)


def _same(test: bound.Clause, right: bound.Clause) -> Ask:
    """Whether two fields say the same; two empty ones say nothing, and so not the same."""
    one, other, negative = text_read(test), text_read(right), test.sign == "not same"

    def same(scope: Scope, run: Run) -> bool:
        text = one(scope, run)
        return (text is not None and text == other(scope, run)) is not negative

    return same


def text_read(test: bound.Clause) -> Callable[[Scope, Run], str | None]:
    """The text a test compares, None when there is none; several tests of one path read it once."""
    first, code, name, outer, home = test.path.first, test.text, test.path.text, test.path.outer, test.path.home

    def read(scope: Scope, run: Run) -> str | None:
        key = (name, id(home(scope) if outer else scope))
        try:
            return run.texts[key]
        except KeyError:
            value = first(scope)
            found = run.texts[key] = None if value is None else value if value.__class__ is str else code(value)
            return found

    return read
