"""Tests in keys: paths looked up, values compared as text, and what an equality settles about types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.fault import Fault
from engine.mapping import bound
from engine.mapping.context import Context
from engine.mapping.functions import text_of
from engine.mapping.nodes import Both, Clause, Test


def bind_test(test: Test | None, context: Context) -> bound.Ask | None:
    """Looks up the paths of a test."""
    if test is None:
        return None
    if isinstance(test, Both):
        parts = [bind_test(part, context) for part in test.parts]
        return bound.Group(test.sign, tuple(part for part in parts if part is not None))
    path = context.path(test.source.text, test.source.at)
    if path is None:
        return None
    words = tuple(word.text for word in test.words)
    doubt = getattr(context.ends.format, "doubt", None)
    for word in test.words:
        if doubt is not None and (help := doubt(path, word.text)):
            context.say("E326", f"{test.source.text} never is {word.text}", word.at, help)
    made = bound.Clause(path, as_code(path.type, context), test.sign, words, test.at)
    if test.other is None:
        return made
    other = context.path(test.other.text, test.other.at)
    return replace(made, other=bound.Clause(other, as_code(other.type, context), "valued", (), test.at)) if other else None


def as_code(type: str, context: Context) -> Callable[[Any], str]:
    """How a value of a type is compared: a coded field by its code, all others by their text."""
    convert = context.ends.converter(type, "code") if type else None
    if convert is None:
        return text_of

    def code(value: Any) -> str:
        made = convert(value)
        return text_of(value) if made is None or isinstance(made, Fault) else text_of(made)

    return code


def settled(test: Test | None) -> dict[str, tuple[str, ...]]:
    """What a test says outright about a path: `OBX-2 = NM` settles OBX-2 as NM; `or` settles only what every branch does."""
    if test is None:
        return {}
    if isinstance(test, Clause):
        return {test.source.text: tuple(word.text for word in test.words)} if test.sign in ("=", "in") else {}
    parts = [settled(part) for part in test.parts]
    if test.sign == "and":
        return {name: words for part in parts for name, words in part.items()}
    common = set(parts[0]).intersection(*parts[1:])
    return {name: tuple(dict.fromkeys(word for part in parts for word in part[name])) for name in common}
