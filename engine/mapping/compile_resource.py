"""Resource rules to closures: elements made of what comes again (codes, units, ranges) are remembered together, others one by one,
and a resource that is told again and again (a patient, a physician: `update: merge`) as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, groupby
from typing import Any

from engine.mapping import bound
from engine.mapping.compile import Item, fill, items
from engine.mapping.compile_value import Fill, Kit
from engine.mapping.nulls import nulls
from engine.mapping.remember import Memory, comes_again, fresh, of_entry, of_value, recurs, remembered
from engine.mapping.run import Run
from engine.types import Put, Scope

MakePut = Callable[[Scope, Run, str], Put]
Part = tuple["str | None", Fill, bool]  # name ("" for a choice, None for several elements), closure, whether it counts


def put(rule: bound.Resource, kit: Kit) -> MakePut:
    """The closure that makes the resource of an id."""
    body, clear, type, merge = resource(rule.body, kit), nulls(rule.body), rule.type, rule.merge
    if not merge:
        return lambda scope, run, id: Put({"resourceType": type, "id": id, **(body(scope, run) or {})})

    def make(scope: Scope, run: Run, id: str) -> Put:
        made = {"resourceType": type, "id": id, **(body(scope, run) or {})}
        return Put(made, True, clear(scope, made))

    return _whole(rule.body, kit.memory, make) if kit.memory is not None else make


def _whole(body: bound.Object, memory: Memory, make: MakePut) -> MakePut:
    """The same closure, which gives the very same resource again for the same texts and references."""
    parts = list(of_value(body))
    refers = tuple({part.name: part for part in parts if isinstance(part, bound.Refer)})
    paths = [part for part in parts if part is not None and not isinstance(part, bound.Refer)]
    key = memory.depend(paths) if paths and None not in parts else None
    if key is None:
        return make
    get, mark = memory.get, memory.mark()

    def whole(scope: Scope, run: Run, id: str) -> Put:
        told = key(scope)
        if told is None:
            return make(scope, run, id)
        full = (mark, id, told, *[tuple(run.near(name, scope)) for name in refers])
        found = get(full)
        return found if found is not None else fresh(memory, full, lambda: make(scope, run, id), run)  # type: ignore[no-any-return]

    return whole


def resource(body: bound.Object, kit: Kit) -> Fill:
    """The closure of a resource's elements."""
    if kit.memory is None or body.own is not None:
        return fill(body, kit)
    sure, parts = all(one.sure for one in body.entries), list(_parts(items(body, kit), kit.memory))

    def build(scope: Scope, run: Run) -> dict[str, Any] | None:
        made, some = _gather(parts, scope, run)
        return made if some or sure else None

    return build


def _parts(all_: Sequence[Item], memory: Memory) -> list[Part]:
    parts: list[Part] = []
    for again, found in groupby(all_, lambda item: all(map(recurs, item.entries))):
        some = list(found)
        if again and len(some) > 1:
            inner: list[Part] = [(one.name, one.made, one.counts) for one in some]
            read = chain.from_iterable(of_entry(entry) for one in some for entry in one.entries)
            parts.append((None, remembered(memory, read, _several(inner)), True))
        else:
            for one in some:
                read = chain.from_iterable(map(of_entry, one.entries))
                worth = all(map(comes_again, one.entries))
                parts.append((one.name, remembered(memory, read, one.made) if worth else one.made, one.counts))
    return parts


def _several(parts: list[Part]) -> Fill:
    return lambda scope, run: _gather(parts, scope, run)


def _gather(parts: list[Part], scope: Scope, run: Run) -> tuple[dict[str, Any], bool]:
    """The elements, and whether any of them counts as something."""
    body: dict[str, Any] = {}
    some = False
    for name, made, counts in parts:
        found = made(scope, run)
        if found is None:
            continue
        if name:
            body[name] = found
        elif name is None:
            body.update(found[0])
            counts = found[1]  # noqa: PLW2901
        else:
            body[found[0]] = found[1]
        some = some or counts
    return body, some
