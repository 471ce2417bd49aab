"""Which converter takes a value of one type into an element of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.diagnostic import Span
from engine.fault import Fault, Kind
from engine.mapping.context import Context
from engine.mapping.functions import text_of
from engine.mapping.ports import Convert, Element
from engine.mapping.values import Coded

FREE = ("", "text")  # types that say nothing: read as text


def by_type(element: Element, code: Callable[[Any], str], context: Context) -> Convert:
    """Converts by the type found in the message; the pair's function is looked up once."""
    known: dict[str, Convert | None] = {}

    def convert(typed: Any) -> Any:
        type, value = code(typed[0]), typed[1]
        if type not in known:
            known[type] = context.ends.converter(type, element.type)
        found = known[type]
        if found is None:
            return Fault(
                Kind.UNSUPPORTED,
                "E403",
                f"nothing converts {type} to {element.type}",
                help="state which types it takes: if … in (…)",
            )
        return found(value)

    return convert


def conversion(type: str, element: Element, at: Span, context: Context, name: str = "") -> Convert | None:
    """The function from a type to the element's; None with a finding when there is none."""
    ends, target = context.ends, element.type
    first, _, kept = type.partition(" ")
    if first == "Coded" and element.primitive:
        return _code(context, element)
    if kept:  # a table that keeps: a Coded, or the source's own value
        coded, own = conversion("Coded", element, at, context, name), conversion(kept, element, at, context, name)
        return (lambda value: coded(value) if value.__class__ is Coded else own(value)) if coded and own else None
    found = ends.converter(type, target) if type else None
    if found is None and type in FREE and element.primitive:
        return _literal(context, element)
    if found is None:
        kind = "a code of a table" if type == "Coded" else type or "of no stated type"
        source = f"{name} is {kind}" if name else f"this is {kind}"
        context.say("E301", f"{source}; {context.element} wants {target}", at, _help(element, type, context))
    return found


def _literal(context: Context, element: Element) -> Convert:
    """The literals of texts; one of blanks only is none."""
    literal, type = context.ends.model.literal, element.type

    def convert(value: Any) -> Any:
        text = text_of(value)
        return literal(type, text) if text.strip() else None

    return convert


def _code(context: Context, element: Element) -> Convert:
    """The literals of a table's codes; they are few, so each is made once."""
    literal, type = context.ends.model.literal, element.type
    known: dict[str, Any] = {}

    def convert(value: Any) -> Any:
        text = text_of(value)
        found = known.get(text)
        if found is None:
            found = literal(type, text)
            if isinstance(value, Coded) and len(known) < 5000:
                known[text] = found
        return found

    return convert


def _help(element: Element, type: str, context: Context) -> str:
    """What to write where no converter fits."""
    if element.type == "Reference":
        fit = [name for name, types in context.names.items() if not element.targets or set(types) & set(element.targets)]
        return f"use ref({fit[0]}) for a reference to another resource" if fit else "name a resource with `as` and use ref(…)"
    if not element.primitive:
        return f"write the elements of {element.type} below it, or take another field" if type else "say what it is: | as(CWE)"
    return "take a component, or a function that gives text"
