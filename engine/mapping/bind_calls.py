"""The functions and tables a value goes through, looked up and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.diagnostic import Span, absent, did_you_mean
from engine.fault import Fault, Kind
from engine.mapping import bound
from engine.mapping.bind_test import as_code
from engine.mapping.context import Context
from engine.mapping.nodes import Call
from engine.mapping.ports import Element
from engine.mapping.tables import Table
from engine.mapping.values import Coded

Steps = tuple[tuple[bound.Step, ...], str, tuple[Table, ...]]


def steps_of(calls: tuple[Call, ...], type: str, context: Context) -> Steps | None:
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
        context.say("E306", absent("table", name.text), name.at, help)
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
