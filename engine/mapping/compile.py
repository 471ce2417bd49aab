"""A bound plan to closures: one tree, two ways of running it.

The fast way gives values. The traced way wraps every value rule and every element, so that each value comes with the rule and the
bytes it came from; both run the same closures underneath and give the same resources.

A closure takes the scope it reads from and the run it belongs to, and gives a value or None (nothing to write).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.mapping import bound
from engine.mapping.choice import first_of, members
from engine.mapping.compile_test import Ask, ask, text_read
from engine.mapping.compile_value import Fill, Kit, value_of
from engine.mapping.run import Lineage, Run
from engine.types import Scope


def fill(value: bound.Value | bound.Fixed | bound.Object, kit: Kit) -> Fill:
    """The closure of any value."""
    if isinstance(value, bound.Object):
        return _object(value, kit)
    if isinstance(value, bound.Fixed):
        fixed = value.value
        made: Fill = lambda scope, run: fixed  # noqa: E731
    else:
        made = value_of(value, kit)
    return _traced(made, value) if kit.traced else made


def _traced(made: Fill, value: bound.Value | bound.Fixed) -> Fill:
    """Notes each value with its rule and where it was read."""
    choice = value.choice if isinstance(value, bound.Value) else ()

    def note(scope: Scope, run: Run) -> Any:
        found = made(scope, run)
        if found is not None:
            read = next((one.path for one in choice if isinstance(one, bound.Read) and one.path.first(scope) is not None), None)
            path, start, end = read.where(scope) if read else ("", 0, 0)
            run.lineage.append(Lineage(run.target(), found, value.at, path, start, end))
        return found

    return note


class Item(NamedTuple):
    """One element, or the members of one choice, compiled: `name` is "" for a choice, whose closure gives the name too."""

    name: str
    made: Fill
    counts: bool  # whether it counts as something: fixed text alone is not written
    entries: tuple[bound.Entry, ...]


def items(value: bound.Object, kit: Kit) -> list[Item]:
    """The elements in the file's order; the members of a choice stand as one where its first member stands."""
    found: list[Item] = []
    done: set[str] = set()
    for one in value.entries:
        group = [other for other in value.entries if other.choice == one.choice]
        if not one.choice or (len(group) == 1 and len(one.variants) == 1):
            found.append(Item(one.name, entry(one, kit), not one.sure, (one,)))
        elif one.choice not in done:
            done.add(one.choice)
            lines = [(line, entry(line, kit)) for line in members(group)]
            found.append(Item("", first_of(lines, text_read), not any(each.sure for each in group), tuple(group)))
    return found


def _object(value: bound.Object, kit: Kit) -> Fill:
    if kit.build is not None and value.own is None and not _fixed(value) and not any(one.choice for one in value.entries):
        return kit.build(value, kit)
    parts = [(one.name, one.made, one.counts) for one in items(value, kit)]
    sure = all(one.sure for one in value.entries)
    own = fill(value.own, kit) if value.own is not None else None
    if not kit.traced and _fixed(value):  # the very same object for all who write it
        fixed = {name: made(None, None) for name, made, _ in parts}  # type: ignore[arg-type]
        return lambda scope, run: fixed

    def build(scope: Scope, run: Run) -> dict[str, Any] | None:
        body: dict[str, Any] = {}
        some = sure
        for name, made, counts in parts:
            found = made(scope, run)
            if found is not None:
                if name:
                    body[name] = found
                else:
                    body[found[0]] = found[1]
                if counts:
                    some = True
        return body if some else None

    def add(scope: Scope, run: Run) -> Any:
        base = own(scope, run) if own is not None else None
        if base is None:
            return None
        more = build(scope, run) or {}
        if isinstance(base, list):
            return [{**one, **more} if isinstance(one, dict) else one for one in base]
        return {**base, **more}

    return build if own is None else add


def _fixed(value: bound.Value | bound.Fixed | bound.Object) -> bool:
    """Whether it stands in the file from end to end."""
    if not isinstance(value, bound.Object):
        return isinstance(value, bound.Fixed)
    lines = [one.variants for one in value.entries]
    return value.own is None and all(
        len(some) == 1 and not some[0].each and some[0].test is some[0].before is None and _fixed(some[0].value) for some in lines
    )


def entry(one: bound.Entry, kit: Kit) -> Fill:
    """The closure of an element with all its variants."""
    made = [variant(each, one.many, kit) for each in one.variants]
    plain = made[0] if len(made) == 1 else (_all(made, kit.traced) if one.many else _first(made))
    name, first = one.name, 1 if one.many else 0

    def under(scope: Scope, run: Run) -> Any:
        run.names.append(name)
        run.places.append(first)
        found = plain(scope, run)
        run.names.pop()
        run.places.pop()
        return found

    return under if kit.traced else plain


def _first(made: Sequence[Fill]) -> Fill:
    def first(scope: Scope, run: Run) -> Any:
        for one in made:
            found = one(scope, run)
            if found is not None:
                return found
        return None

    return first


def _all(made: Sequence[Fill], traced: bool) -> Fill:
    def every(scope: Scope, run: Run) -> Any:
        values: list[Any] = []
        base = run.places[-1] if traced else 0
        for one in made:
            if traced:
                run.places[-1] = base + len(values)
            found = one(scope, run)
            if found is not None:
                values += found
        return values or None

    return every


def variant(one: bound.Variant, many: bool, kit: Kit) -> Fill:
    """The closure of one variant: under its test, for each instance; a list when the element repeats."""
    found = kit.known.get(id(one))
    if found is None:
        found = _variant(one, many, kit)
        if kit.keep is not None:
            kit.keep(id(one), found)
    return found


def _variant(one: bound.Variant, many: bool, kit: Kit) -> Fill:
    made = fill(one.value, kit)
    if one.test is not None and one.test != bound.ALWAYS:
        made = _under(made, ask(one.test))
    if one.each:
        made = _each(made, one.each, many, kit.traced)
        return _under(made, ask(one.before)) if one.before is not None else made
    return _listed(made) if many else made


def _under(made: Fill, holds: Ask) -> Fill:
    return lambda scope, run: made(scope, run) if holds(scope, run) else None


def _listed(made: Fill) -> Fill:
    def listed(scope: Scope, run: Run) -> Any:
        found = made(scope, run)
        return found if found is None or isinstance(found, list) else [found]

    return listed


def _each(made: Fill, each: str, many: bool, traced: bool) -> Fill:
    def instances(scope: Scope, run: Run) -> Any:
        values: list[Any] = []
        base = run.places[-1] if traced else 0
        for inner in run.each(scope, each):
            if traced:
                run.places[-1] = base + len(values)
            found = made(inner, run)
            if found is None:
                continue
            if not many:
                return found
            values += found if isinstance(found, list) else (found,)
        return values or None

    return instances
