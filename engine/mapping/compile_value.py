"""Formulas to closures. The commonest shapes (one path, no function, one or all repetitions) have closures of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from engine.fault import Fault, Kind
from engine.mapping import bound
from engine.mapping.functions import text_of
from engine.mapping.run import Run
from engine.types import Path, Scope

MOST_REMEMBERED = 512  # values one rule remembers

Fill = Callable[[Scope, Run], Any]
FLAT = frozenset((str, bool, int, Decimal))
Note = Callable[[Run, Fault, Path, Scope], None]


@dataclass(frozen=True, slots=True)
class Kit:
    """What compiling needs: the model, whether values are traced, and the closures of a whole plan's variants by their identity, which
    serve its narrowed plans too. `build` makes the function of an object that has neither a value of its own nor choices.
    """

    model: Any
    traced: bool = False
    known: Mapping[int, Fill] = field(default_factory=dict)
    keep: Callable[[int, Fill], None] | None = None
    build: Callable[[bound.Object, Kit], Fill] | None = None
    format: Any = None  # with `build`: one that has `together` reads several paths at once


def value_of(value: bound.Value, kit: Kit) -> Fill:
    """The closure of a formula: one value, or a list where the element repeats."""
    made = [_alternative(one, value.many, kit.model) for one in value.choice]
    if len(made) == 1:
        return made[0]

    def first(scope: Scope, run: Run) -> Any:
        for one in made:
            found = one(scope, run)
            if found is not None:
                return found
        return None

    return first


def _alternative(one: bound.Alternative, many: bool, model: Any) -> Fill:
    if isinstance(one, bound.Say):
        said = one.value
        return lambda scope, run: [said] if many else said
    if isinstance(one, bound.Refer):
        return _refer(one, many, model)
    if one.by is not None:
        return _typed(one, many)
    made = _stepped(one, many) if one.steps else _every(one) if many else _single(one)
    return outside(one.path, made) if one.path.outer and not many else made


def outside(path: Path, made: Fill) -> Fill:
    """The same for all scopes of one home: an order's key is worked once, not for each of its results.

    Only texts, numbers and nothings are kept; a value with parts is made anew, so that no two resources share it.
    """
    home, mark = path.home, object()

    def once(scope: Scope, run: Run) -> Any:
        key = (mark, id(home(scope)))
        found = run.memo.get(key, mark)
        if found is mark:
            found = made(scope, run)
            if found is None or found.__class__ in FLAT:
                run.memo[key] = found
        return found

    return once


def _refer(one: bound.Refer, many: bool, model: Any) -> Fill:
    reference, name = model.reference, one.name
    help = f"the message lacks what {name} is made from; without `must` the element would be left out"
    missing = Fault(Kind.INCORRECT, "E406", f"nothing called {name} is there to refer to", f"{one.at.file}:{one.at.line}", help)

    def every(scope: Scope, run: Run) -> Any:
        found = run.near(name, scope)
        if not found:
            return run.faults.append(missing) if one.must else None
        return [reference(*each) for each in found] if many else reference(*found[0])

    return _other(one, many, missing, reference) if one.own else every


def _other(one: bound.Refer, many: bool, missing: Fault, reference: Any) -> Fill:
    """The same where a resource must refer to one of its own type: never to itself, and never to one of several."""
    text, help = f"several called {one.name} are there to refer to", "the message does not say which of them is meant"
    several = replace(missing, text=text, help=help)

    def other(scope: Scope, run: Run) -> Any:
        itself = run.near(one.own, scope)
        found = [each for each in run.near(one.name, scope) if each not in itself]
        if not found or (len(found) > 1 and not many):
            return run.faults.append(several if found else missing)
        return [reference(*each) for each in found] if many else reference(*found[0])

    return other


def _noting(one: bound.Read) -> Note:
    """Where a refusal goes: it holds the message, or is a warning where the rule says so."""
    return Run.warn if one.lenient else Run.fail


def remembered(one: bound.Read, made: Fill) -> Fill:
    """The same closure, which remembers what it made of a text: codes, units, names and times repeat from message to message.

    Only for formats whose paths tell what a value depends on (`Path.key`); what is refused is never remembered.
    """
    key: Callable[[Scope], Any] | None = getattr(one.path, "key", None)
    if key is None or not getattr(one.path, "again", True):
        return made
    memory = one.memory
    known = memory.get

    def quick(scope: Scope, run: Run) -> Any:
        depends = key(scope)
        if depends is None:
            return None
        if depends is True:
            return made(scope, run)
        found = known(depends, memory)
        if found is not memory:
            return found
        noted = len(run.faults) + len(run.warnings)
        value = made(scope, run)
        if noted == len(run.faults) + len(run.warnings):
            if len(memory) >= MOST_REMEMBERED:
                memory.clear()
            memory[depends] = value
        return value

    return quick


def _single(one: bound.Read) -> Fill:
    path, convert, read, note = one.path, one.convert, one.path.first, _noting(one)

    def single(scope: Scope, run: Run) -> Any:
        value = read(scope)
        if value is None:
            return None
        made = convert(value)
        if made.__class__ is Fault:
            note(run, made, path, scope)
            return None
        return (made[0] if made else None) if made.__class__ is list else made

    return single if convert is text_of else remembered(one, single)


def _every(one: bound.Read) -> Fill:
    path, convert, read, note = one.path, one.convert, one.path.all, _noting(one)

    def every(scope: Scope, run: Run) -> Any:
        values: list[Any] = []
        for value in read(scope):
            made = convert(value)
            if made.__class__ is Fault:
                note(run, made, path, scope)
            elif made.__class__ is list:
                values += made
            elif made is not None:
                values.append(made)
        return values or None

    return every


def _stepped(one: bound.Read, many: bool) -> Fill:
    path, convert, note = one.path, one.convert, _noting(one)
    steps = [(step.act, step.all) for step in one.steps]
    if not many and len(steps) == 1 and not steps[0][1]:
        return _one_step(one)
    wide = many or any(all_ for _, all_ in steps)

    def stepped(scope: Scope, run: Run) -> Any:
        def tell(fault: Fault) -> None:
            note(run, fault, path, scope)

        first = None if wide else path.first(scope)
        values = path.all(scope) if wide else ([] if first is None else [first])
        made = _apply(convert, _steps(steps, values, tell), tell)
        return (made or None) if many else (made[0] if made else None)

    return stepped


def _one_step(one: bound.Read) -> Fill:
    path, convert, act, read, note = one.path, one.convert, one.steps[0].act, one.path.first, _noting(one)

    def single(scope: Scope, run: Run) -> Any:
        value = read(scope)
        if value is None:
            return None
        made = act(value)
        if made is not None and made.__class__ is not Fault:
            made = convert(made)
        if made.__class__ is Fault:
            note(run, made, path, scope)
            return None
        return (made[0] if made else None) if made.__class__ is list else made

    return remembered(one, single)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _apply(act: bound.Act, values: list[Any], note: Callable[[Fault], None]) -> list[Any]:
    """A function of one value over all of them, or of all; refusals are noted, nothings dropped."""
    made: list[Any] = []
    for value in values:
        found = act(value)
        if found.__class__ is Fault:
            note(found)
        else:
            made += _listed(found)
    return made


def _steps(steps: list[tuple[bound.Act, bool]], values: list[Any], note: Callable[[Fault], None]) -> list[Any]:
    for act, all_ in steps:
        if values:
            values = _apply(act, [values] if all_ else values, note)
    return values


def _typed(one: bound.Read, many: bool) -> Fill:
    """A value whose type another path names."""
    path, by, convert, note = one.path, one.by, one.convert, _noting(one)
    steps = [(step.act, step.all) for step in one.steps]
    assert by is not None

    def typed(scope: Scope, run: Run) -> Any:
        def tell(fault: Fault) -> None:
            note(run, fault, path, scope)

        values = _steps(steps, path.all(scope), tell)
        type = by.first(scope) or ""
        made = _apply(lambda value: convert((type, value)), values if many else values[:1], tell)
        return (made or None) if many else (made[0] if made else None)

    return typed
