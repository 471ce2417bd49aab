"""Formulas: which values, through which functions, by which converter into the target's type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.diagnostic import Span, did_you_mean
from engine.fault import Fault
from engine.mapping import bound
from engine.mapping.bind_calls import Steps, check_codes, steps_of
from engine.mapping.bind_convert import by_type, conversion
from engine.mapping.bind_test import as_code
from engine.mapping.context import Context
from engine.mapping.functions import text_of
from engine.mapping.nodes import Call, Formula, Literal, Source
from engine.mapping.ports import Element
from engine.types import Path


def bind_formula(node: Formula, element: Element, many: bool, context: Context) -> bound.Value | None:
    """Binds a formula to the element it is written to; findings are noted, and None stands for what cannot be bound."""
    made = [_alternative(atom, node, element, context) for atom in node.choice]
    kept = tuple(one for one in made if one is not None)
    return bound.Value(kept, many, node.at) if len(kept) == len(made) else None


def bind_key(node: Formula, context: Context) -> bound.Value | None:
    """Binds a part of `key:`: values become text, all repetitions count only through a function."""
    made: list[bound.Alternative] = []
    for atom in node.choice:
        if isinstance(atom, Literal):
            made.append(bound.Say(atom.text, atom.at))
        elif isinstance(atom, Source):
            path = context.path(atom.text, atom.at)
            steps = steps_of(node.calls, path.type, context) if path else None
            if path and steps:
                made.append(bound.Read(path, steps[0], text_of, atom.at))
        else:
            context.say("E307", f"{atom.name} cannot stand in a key", atom.at, "a key is made of fields and texts")
    return bound.Value(tuple(made), False, node.at) if len(made) == len(node.choice) else None


def _alternative(atom: Source | Literal | Call, node: Formula, element: Element, context: Context) -> bound.Alternative | None:
    if isinstance(atom, Call):
        return _refer(atom, element, context)
    if isinstance(atom, Literal):
        return _say(atom, node, element, context)
    path = context.path(atom.text, atom.at)
    if path is None:
        return None
    steps = steps_of(node.calls, path.type, context)
    if steps is None:
        return None
    for table in steps[2]:
        check_codes(table, element, node.at, context)
    whole = node.at if len(node.choice) == 1 else atom.at
    made = _read(path, steps, element, whole, context)
    lenient = any(call.name == "readable" for call in node.calls)
    return replace(made, lenient=True) if made is not None and lenient else made


def _refer(atom: Call, element: Element, context: Context) -> bound.Alternative | None:
    if atom.name != "ref":
        known = atom.name in context.ends.functions
        field = atom.words[0].text if atom.words else "OBX-3"
        help = f"a function follows its field: {field} | {atom.name}" if known else did_you_mean(atom.name, ("ref",))
        context.say("E307", f"{atom.name} cannot stand at the beginning of a formula", atom.at, help)
        return None
    must = len(atom.words) == 2 and atom.words[1].text == "must"
    if not atom.words or len(atom.words) > 1 + must:
        context.say("E307", "ref takes a name, and must where nothing may be written without it", atom.at, "=ref(patient)")
        return None
    name = atom.words[0]
    types = context.names.get(name.text)
    if types is None:
        context.say("E305", f"no resource of this mapping is called {name.text}", name.at, did_you_mean(name.text, context.names))
        return None
    context.notes.referred.add(name.text)
    if element.type != "Reference":
        context.say("E301", f"ref({name.text}) is a Reference; {context.element} wants {element.type}", atom.at)
        return None
    wrong = [one for one in types if element.targets and one not in element.targets and "Resource" not in element.targets]
    if wrong:
        context.say(
            "E313", f"{context.element} may not refer to {wrong[0]}", name.at, f"it refers to {' or '.join(element.targets)}"
        )
        return None
    alike = must and context.element.partition(".")[0] in types
    return bound.Refer(name.text, atom.at, must, context.resource if alike else "")


def _say(atom: Literal, node: Formula, element: Element, context: Context) -> bound.Alternative | None:
    steps = steps_of(node.calls, "text", context)
    if steps is None:
        return None
    value: Any = atom.text
    for step in steps[0]:
        value = step.act([value] if step.all else value)
        value = value[0] if isinstance(value, list) and value else value
        if value is None or isinstance(value, Fault):
            context.say("E311", f"{step.name} gives nothing for {atom.text}", atom.at)
            return None
    convert = conversion(steps[1], element, node.at, context)
    made = convert(value) if convert else None
    if isinstance(made, Fault) or (made is None and convert):
        context.say("E311", f"{atom.text} is no {element.type}", atom.at, made.text if made else "it holds blanks only")
        return None
    if element.codes is not None and isinstance(made, str) and made not in element.codes:
        help = did_you_mean(made, element.codes) or f"one of {', '.join(sorted(element.codes)[:12])}"
        context.say("E311", f"{made} is not a code of {context.element}", atom.at, help)
        return None
    return bound.Say(made, atom.at) if convert else None


def _read(path: Path, through: Steps, element: Element, at: Span, context: Context) -> bound.Read | None:
    steps, type, _ = through
    if type != "varies":
        convert = conversion(type, element, at, context, path.text)
        return bound.Read(path, steps, convert, at) if convert else None
    typed_by = path.typed_by
    given = context.settled.get(typed_by, ())
    for one in given:
        if conversion(one, element, at, context, path.text) is None:
            return None
    by = context.path(typed_by, at) if typed_by else None
    if len(given) == 1 or by is None:
        convert = conversion(given[0] if given else "text", element, at, context, path.text)
        return bound.Read(path, steps, convert, at) if convert else None
    return bound.Read(path, steps, by_type(element, as_code(by.type, context), context), at, by)
