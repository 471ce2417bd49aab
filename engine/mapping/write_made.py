"""The function that makes a rule's resources: their elements in the file's order, what is remembered looked up."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, groupby
from typing import Any

from engine.mapping import bound
from engine.mapping.compile import Item, fill, items
from engine.mapping.compile_value import Kit
from engine.mapping.draft import CARRIED, Draft, inside
from engine.mapping.nulls import nulls
from engine.mapping.remember import Part, comes_again, of_ask, of_entry, of_value
from engine.mapping.run import Run
from engine.mapping.together import join
from engine.mapping.write_refer import Refers, named, simple
from engine.types import Put, Scope


def write_made(draft: Draft, kit: Kit) -> str:
    """The source of `made(found, run, known, puts)`: False when it gives up."""
    rule = draft.rule
    draft.names |= {"Put": Put, "join": join, "ident": id}
    refers = Refers(draft, kit.model)
    body = _body(draft, kit, refers)
    if rule.merge:
        clear = draft.name("clear", nulls(rule))
        inner = [*refers.pointed, *body, f"put = Put(body, True, {clear}(scope, body, run))"]
        inner = _remembered(draft, refers, inner) or [*refers.found, *inner]
    else:
        inner = [*refers.found, *refers.pointed, *body, "put = Put(body)"]
    inner += [
        "at = (type, rid)",
        "if at in puts:",
        f"    put = join(puts[at], put, {rule.merge})",
        "    if put is None:",
        "        return False",
        "puts[at] = put",
    ]
    lines = ["def made(found, run, known, puts):", *(f"    {line}" for line in refers.first)]
    draft.carried = ", ".join(("scope", "rid", *(one for one in CARRIED if one in draft.used)))
    lines += [f"    for {draft.carried} in found:", *(f"        {line}" for line in (*refers.once, *inner)), "    return True"]
    return "\n".join(lines)


def _remembered(draft: Draft, refers: Refers, make: list[str]) -> list[str]:
    """Lines that give the very same resource again for the same texts and references; none when that cannot be told."""
    every = chain(of_value(draft.rule.body), *(of_ask(one.test) for one in draft.rule.clear))
    parts = [part for part in every if not isinstance(part, bound.Refer)]
    if not draft.is_told(parts) or any(inside(entry) and any(named(entry)) for entry in draft.rule.body.entries):
        return []
    keep = draft.name("keep", draft.memory.keep_again)
    mark = draft.name("mark", draft.memory.mark())
    key = ", ".join((mark, "rid", "c", *draft.texts(parts), *refers.instances))
    return [
        *refers.found,
        f"key = ({key})",
        "put = known(key)",
        "if put is None:",
        "    noted = run.noted",
        *(f"    {line}" for line in make),
        "    if noted == run.noted:",
        f"        {keep}(({key}), put)",
    ]


def _body(draft: Draft, kit: Kit, refers: Refers) -> list[str]:
    """Lines that make the resource's elements."""
    body = draft.rule.body
    start = 'body = {"resourceType": type, "id": rid}'
    if body.own is not None:
        return [start, f"body.update({draft.name('fill', fill(body, kit))}(scope, run) or ())"]
    lines, counting = [start], list[str]()
    for group, some in groupby(items(body, kit), lambda item: draft.in_record(_parts(item))):
        if group:
            _recorded(draft, list(some), lines, counting)
        else:
            for item in some:
                _element(draft, item, refers, lines, counting)
    if all(entry.sure for entry in body.entries):
        return lines
    return [*lines, f"if not ({' or '.join(counting) or 'False'}):", f"    {start}"]


def _parts(item: Item) -> list[Part]:
    return list(chain.from_iterable(map(of_entry, item.entries)))


def _recorded(draft: Draft, some: list[Item], lines: list[str], counting: list[str]) -> None:
    """Elements made of codes alone stand in the record, together."""
    parts = list(chain.from_iterable(map(_parts, some)))
    elements, counts = draft.recorded(parts, 2, lambda scope, run: _gathered(some, scope, run))
    if len(lines) == 1:
        lines[0] = lines[0].replace("}", f", **{elements}}}")
    else:
        lines.append(f"body.update({elements})")
    counting.append(counts)


def _gathered(some: Iterable[Item], scope: Scope, run: Run) -> tuple[dict[str, Any], bool]:
    """The elements, and whether any of them counts as something."""
    body: dict[str, Any] = {}
    counting = False
    for item in some:
        found = item.made(scope, run)
        if found is None:
            continue
        if item.name:
            body[item.name] = found
        else:
            body[found[0]] = found[1]
        counting = counting or item.counts
    return body, counting


def _element(draft: Draft, item: Item, refers: Refers, lines: list[str], counting: list[str]) -> None:
    """One element: a reference, a value that is remembered by its texts, or one that is made each time."""
    name = draft.name("element", item.name)
    value = f"value{len(draft.names)}"
    parts = _parts(item)
    if simple(item.entries):
        lines += refers.element(value, item.entries[0])
    elif draft.is_told(parts) and comes_again(parts):
        lines += draft.remembered(value, item.made, parts)
    else:
        lines.append(f"{value} = {draft.name('fill', item.made)}(scope, run)")
    set_ = f"body[{name}] = {value}" if item.name else f"body[{value}[0]] = {value}[1]"
    lines += [f"if {value} is not None:", f"    {set_}"]
    if item.counts:
        counting.append(f"{value} is not None")
