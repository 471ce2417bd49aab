"""Formulas: which values, through which functions, by which converter into the target's type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.diagnostic import Span, did_you_mean
from engine.fault import Fault, Kind
from engine.mapping import bound
from engine.mapping.bind_test import as_code
from engine.mapping.context import Context
from engine.mapping.functions import text_of
from engine.mapping.nodes import Call, Formula, Literal, Source
from engine.mapping.ports import Convert, Element
from engine.mapping.tables import Table
from engine.mapping.values import Coded
from engine.types import Path

FREE = ("", "text")  # types that say nothing: read as text


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
            steps = _steps(node.calls, path.type, context) if path else None
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
    steps = _steps(node.calls, path.type, context)
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
    steps = _steps(node.calls, "text", context)
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


Steps = tuple[tuple[bound.Step, ...], str, tuple[Table, ...]]


def _steps(calls: tuple[Call, ...], type: str, context: Context) -> Steps | None:
    """The functions in order, the type that leaves the last one, and the tables among them."""
    steps: list[bound.Step] = []
    tables: list[Table] = []
    for call in calls:
        words = tuple(word.text for word in call.words)
        known = context.ends.functions
        function = known.get(call.name)
        if function is None:
            context.say("E307", f"there is no function {call.name}", call.at, did_you_mean(call.name, known))
            return None
        if not function.least <= len(words) <= len(function.words):
            wants = ", ".join(function.words).replace("?", "") or "nothing in brackets"
            context.say("E307", f"{call.name} takes {wants}", call.at, f"{call.name}({wants})" if function.words else call.name)
            return None
        if call.name == "readable":
            continue
        if call.name == "as":
            type = words[0]
        elif call.name == "table":
            table = _table(call, context)
            if table is None:
                return None
            back = len(words) > 1
            tables += [] if back else [table]
            steps.append(bound.Step(f"table({', '.join(words)})", lookup(table, as_code(type, context), back), False))
            type = "Coded" if table.otherwise != "keep" else f"Coded {type}"
        else:
            try:
                steps.append(bound.Step(call.name, function.make(*words), function.takes == "all"))
            except ValueError:
                context.say("E307", f"{call.name} cannot use {words[0]}", call.at)
                return None
            type = "text" if function.gives == "text" else type
    return tuple(steps), type, tuple(tables)


def _table(call: Call, context: Context) -> Table | None:
    name = call.words[0]
    table = context.ends.tables.get(name.text)
    if table is None:
        help = did_you_mean(name.text, context.ends.tables) or f"add tables/{name.text}.yaml"
        context.say("E306", f"there is no table {name.text}", name.at, help)
        return None
    if len(call.words) > 1 and call.words[1].text != "reverse":
        context.say("E307", "the second word of table is reverse", call.words[1].at, f"table({name.text}, reverse)")
        return None
    context.notes.tables.add(name.text)
    return table


def lookup(table: Table, code: Callable[[Any], str], back: bool) -> Callable[[Any], Any]:
    """The function of a table: a Coded, the value itself where the table keeps unknown codes, or a Fault."""
    help = f"add the code to the table {table.name}, or say what stands in for it under otherwise"
    refused = Fault(Kind.INCORRECT, "E402", f"the table {table.name} does not list this code", help=help)
    keep = table.otherwise == "keep"
    answer = table.back if back else table.answer

    def act(value: Any) -> Any:
        found = answer(code(value))
        if found is not None:
            return found
        return value if keep else refused

    return act


def check_codes(table: Table, element: Element, at: Span, context: Context) -> None:
    """Every code a table can give must be one of a required binding."""
    if element.codes is None or not element.primitive:
        return
    answers = [*table.rows.values(), *([table.otherwise] if isinstance(table.otherwise, Coded) else [])]
    wrong = sorted({row.code for row in answers} - element.codes)
    if wrong:
        help = did_you_mean(wrong[0], element.codes) or f"one of {', '.join(sorted(element.codes)[:12])}"
        context.say("E312", f"the table {table.name} gives {wrong[0]}, which is not a code of {context.element}", at, help)
    if table.otherwise == "keep":
        help = f"let {table.name} refuse unknown codes, or name the code that stands in"
        context.say("E312", f"the table {table.name} keeps unknown codes, and {context.element} takes only listed ones", at, help)


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
    return bound.Read(path, steps, _by_type(element, as_code(by.type, context), context), at, by)


def _by_type(element: Element, code: Callable[[Any], str], context: Context) -> Convert:
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
