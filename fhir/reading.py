"""Paths of a FHIR document as closures: what `walk` finds, without the places, at a fraction of its cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from fhir.path_names import Name

First = Callable[[Any, dict[str, Any]], Any]  # a value and the document's resources by reference -> what is found, or None
Every = Callable[[Any, dict[str, Any], list[Any]], None]  # the same, which adds all it finds to a list


@cache
def first(names: tuple[Name, ...]) -> First:
    """The first value at the end of the names."""
    if not names:
        return _valued
    name, rest = names[0], first(names[1:])
    text, last = name.text, len(names) == 1
    if text == "resolve" or text[:1].isupper():
        step = _step(name)

        def other(value: Any, shelf: dict[str, Any]) -> Any:
            found = step(value, shelf)
            return None if found is None else rest(found, shelf)

        return other
    pick = _pick(name)

    def element(value: Any, shelf: dict[str, Any]) -> Any:
        if value.__class__ is not dict:
            return None
        inner = value.get(text)
        if inner is None:
            return None
        if inner.__class__ is not list:
            return (None if inner == "" else inner) if last else rest(inner, shelf)
        for one in pick(inner) if pick is not None else inner:
            found = rest(one, shelf)
            if found is not None:
                return found
        return None

    return element


def in_scope(names: tuple[Name, ...], ups: int) -> Callable[[Any], Any]:
    """The first value at the end of the names as seen from a scope, so many scopes up."""
    found = first(names)
    if ups:

        def up(scope: Any) -> Any:
            for _ in range(ups):
                scope = scope.parent
            return found(scope.value, scope.shelf)

        return up
    plain = all(name == Name(name.text) and name.text != "resolve" and not name.text[:1].isupper() for name in names)
    if not plain or len(names) not in (1, 2):
        return lambda scope: found(scope.value, scope.shelf)
    return _one(names[0].text, found) if len(names) == 1 else _two(names[0].text, names[1].text, found)


def _one(text: str, found: First) -> Callable[[Any], Any]:
    """An element: the commonest path by far."""

    def element(scope: Any) -> Any:
        value = scope.value
        inner = value.get(text) if value.__class__ is dict else None
        if inner.__class__ is list:
            return found(value, scope.shelf)
        return None if inner == "" else inner

    return element


def _two(text: str, below: str, found: First) -> Callable[[Any], Any]:
    """An element of an element."""

    def element(scope: Any) -> Any:
        value = scope.value
        inner = value.get(text) if value.__class__ is dict else None
        if inner is None:
            return None
        last = inner.get(below) if inner.__class__ is dict else inner
        if last.__class__ is list or inner.__class__ is not dict:
            return found(value, scope.shelf)
        return None if last == "" else last

    return element


@cache
def every(names: tuple[Name, ...]) -> Every:
    """All values at the end of the names, lists opened."""
    if not names:
        return _add
    name, rest = names[0], every(names[1:])
    text = name.text
    if text == "resolve" or text[:1].isupper():
        step = _step(name)

        def other(value: Any, shelf: dict[str, Any], out: list[Any]) -> None:
            found = step(value, shelf)
            if found is not None:
                rest(found, shelf, out)

        return other
    pick = _pick(name)

    def element(value: Any, shelf: dict[str, Any], out: list[Any]) -> None:
        inner = value.get(text) if value.__class__ is dict else None
        if inner is None:
            return
        if inner.__class__ is not list:
            rest(inner, shelf, out)
            return
        for one in pick(inner) if pick is not None else inner:
            rest(one, shelf, out)

    return element


def _valued(value: Any, shelf: dict[str, Any]) -> Any:
    return None if value == "" else value


def _add(value: Any, shelf: dict[str, Any], out: list[Any]) -> None:
    if value is not None and value != "":
        out.append(value)


def _step(name: Name) -> First:
    """`resolve`, or a resource's type."""
    if name.text != "resolve":
        type = name.text
        return lambda value, shelf: value if value.__class__ is dict and value.get("resourceType") == type else None

    def resolve(value: Any, shelf: dict[str, Any]) -> Any:
        reference = value.get("reference") if value.__class__ is dict else None
        return shelf.get(reference) if reference.__class__ is str else None

    return resolve


def _pick(name: Name) -> Callable[[list[Any]], Sequence[Any]] | None:
    """Which items of a list are meant; None for all."""
    nth, by, wanted = name.nth, name.by, name.value
    if by:

        def those(items: list[Any]) -> Sequence[Any]:
            found = [one for one in items if isinstance(one, dict) and str(one.get(by, "")) == wanted]
            return found[nth - 1 : nth] if nth else found

        return those
    return (lambda items: items[nth - 1 : nth]) if nth else None
