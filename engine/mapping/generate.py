"""A narrowed mapping as Python source: for each rule one function that tells which resources there will be, and one that makes them.

What is made of texts that come again is looked up before it is made; what encloses many scopes is read once for all of them. How a
value is made stands in the closures of compile.py alone. Where anything is odd (a fault, a segment out of place, one key for
two resources) the functions give up and the whole mapping's closures say what is the matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.mapping import bound
from engine.mapping.compile_value import Kit
from engine.mapping.draft import Draft, compiled
from engine.mapping.remember import Depend, Memory
from engine.mapping.run import Run
from engine.mapping.write_made import write_made
from engine.mapping.write_told import write_told
from engine.types import Put, Scope

Quick = Callable[[Scope, Run], "list[Put] | None"]
Function = Callable[..., Any]


def quick(plan: bound.Plan, kit: Kit, memory: Memory, depend: Depend) -> Quick:
    """The function that runs a plan; None from it means that the message must be run in the plain way."""
    rules = [functions(rule, kit, memory, depend) for rule in plan.resources]
    known = memory.get

    def run_all(root: Scope, run: Run) -> list[Put] | None:
        repeated: dict[tuple[str, ...], int] = {}
        each: list[tuple[Function, list[Any]]] = []
        for told, made in rules:
            found = told(root, run, known, repeated)
            if found is None:
                return None
            if found:
                each.append((made, found))
        puts: dict[tuple[str, str], Put] = {}
        for made, found in each:
            if not made(found, run, known, puts):
                return None
        return None if run.faults else list(puts.values())

    return run_all


def functions(rule: bound.Resource, kit: Kit, memory: Memory, depend: Depend) -> tuple[Function, Function]:
    """The two functions of a rule."""
    source, names = written(rule, kit, memory, depend)
    exec(compiled(source), names)  # noqa: S102  our own text: what files say stands in the names
    return names["told"], names["made"]


def written(rule: bound.Resource, kit: Kit, memory: Memory, depend: Depend) -> tuple[str, dict[str, Any]]:
    """The source of a rule's functions, and what its names stand for."""
    draft = Draft(rule, memory, depend)
    second = write_made(draft, kit)
    first = write_told(draft, kit)
    return draft.placed(f"{first}\n\n{second}\n"), draft.names


def source(plan: bound.Plan, depend: Depend) -> str:
    """The source of a whole plan with what its names stand for, to be read by people."""
    parts = []
    for rule in plan.resources:
        text, names = written(rule, Kit(plan.model), Memory(), depend)
        head = f"# {rule.type} {rule.name} {rule.each}  {rule.at.file}:{rule.at.line}".encode("unicode_escape").decode()
        told = [f"# {name} = {value!a}" for name, value in names.items() if isinstance(value, str | int | tuple)]
        parts.append("\n".join([head, *told, "", text]))
    return "\n".join(parts)
