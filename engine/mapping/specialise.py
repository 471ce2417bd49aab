"""A mapping narrowed to what a message holds: rules that read only fields it lacks are left out before anything runs.

Senders fill the same fields again and again, so a narrowed mapping is made once for a set of valued fields and used for every
message that has the same. The narrowed mapping gives exactly what the whole one gives; formats whose scopes do not tell what
they hold (`Scope.valued`, with `Path.stands`) always run the whole one. Of coded fields that tests compare (OBX-2 = NM) it counts
what they hold (`Scope.texts`, with `Path.coded`). `Scope.shape` is quick to ask: messages of one shape hold the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator, Sequence, Set
from dataclasses import replace
from typing import Generic, TypeVar

from engine.mapping import bound
from engine.types import Path, Scope

T = TypeVar("T")
Present = Callable[[str], bool]
KEPT = 128  # narrowed mappings of one mapping
WATCHED = 4096  # sets of valued fields seen and not yet narrowed for
LARGEST = 100  # different segments of a message whose shape is remembered
VARIED = 40  # such sets after which the whole plan is written too
COMPARED = ("=", "!=", "in", "not in")
PAUSE = 20  # messages between two narrowings, so that ever-changing messages cost little


class Narrowed(Generic[T]):
    """Chooses what runs for a message: what was made for its valued fields, else what was made of the whole plan; None for the first
    messages, and where a format does not tell what they hold.
    """

    __slots__ = ("_coded", "_known", "_make", "_names", "_pause", "_plan", "_seen", "_shapes", "_whole")

    def __init__(self, plan: bound.Plan, make: Callable[[bound.Plan], T]) -> None:
        self._plan, self._make = plan, make
        self._names = frozenset(names(plan))
        self._coded = coded(self._names)
        self._known: dict[frozenset[str], T] = {}
        self._shapes: dict[Hashable, T] = {}
        self._seen: set[frozenset[str]] = set()
        self._pause = 0
        self._whole: T | None = None

    def choose(self, scope: Scope) -> T | None:
        """The narrowed form where one is worth while."""
        told = getattr(scope, "shape", None)
        if told is None:
            return None
        shape = told(self._coded)
        found = self._shapes.get(shape)
        if found is not None:
            return found
        held = held_by(scope, self._names, self._coded)
        if held is None:
            return None
        found = self._known.get(held)
        if found is None:
            return self._first_seen(held)
        if len(self._shapes) >= WATCHED:
            self._shapes.clear()
        if len(shape) <= LARGEST:
            self._shapes[shape] = found
        return found

    def _first_seen(self, held: frozenset[str]) -> T | None:
        self._pause -= 1
        if held not in self._seen or self._pause > 0:
            if len(self._seen) >= WATCHED:
                self._seen.clear()
            self._seen.add(held)
            if self._whole is None and len(self._seen) >= VARIED:
                self._whole = self._make(self._plan)
            return self._whole
        self._pause = PAUSE
        if len(self._known) >= KEPT:
            self._known.clear()
            self._shapes.clear()
        made = self._known[held] = self._make(prune(self._plan, held.__contains__))
        return made


def coded(names: Set[str]) -> tuple[str, ...]:
    """The fields whose texts count."""
    return tuple(name[:-1] for name in sorted(names) if name.endswith("="))


def held_by(scope: Scope, names: frozenset[str], texts: Sequence[str]) -> frozenset[str] | None:
    """Which of these names a message holds; None when it does not tell."""
    valued: Set[str] | None = getattr(scope, "valued", None)
    if valued is None:
        return None
    held = names & valued
    return held.union(scope.texts(texts)) if texts else held  # type: ignore[attr-defined]  # what tells the one tells the other


def stands(path: Path) -> str:
    """The name to look for among the valued fields; '' when a path does not tell."""
    return str(getattr(path, "stands", ""))


def names(plan: bound.Plan) -> Iterator[str]:
    """Every name that decides whether a rule can give anything."""
    for one in plan.resources:
        yield from _of_each(one.each)
        yield from _of_ask(one.before)
        yield from _of_ask(one.test)
        for part in one.identity:
            yield from of_value(part)
        yield from of_value(one.body)


def _of_each(each: str) -> Iterator[str]:
    if each:
        yield each.rpartition("/")[2]


def _of_ask(test: bound.Ask | None) -> Iterator[str]:
    if isinstance(test, bound.Group):
        for part in test.parts:
            yield from _of_ask(part)
    elif test is not None:
        yield stands(test.path)
        if getattr(test.path, "coded", False) and test.sign in COMPARED:
            yield f"{stands(test.path)}="


def of_value(value: bound.Value | bound.Fixed | bound.Object | None) -> Iterator[str]:
    """The names of everything a value is made from."""
    if isinstance(value, bound.Value):
        yield from (stands(one.path) for one in value.choice if isinstance(one, bound.Read))
    elif isinstance(value, bound.Object):
        yield from of_value(value.own)
        for entry in value.entries:
            for variant in entry.variants:
                yield from _of_each(variant.each)
                yield from _of_ask(variant.before)
                yield from _of_ask(variant.test)
                yield from of_value(variant.value)


def prune(plan: bound.Plan, present: Present) -> bound.Plan:
    """The plan without what can give nothing when only `present` names are valued; what stays as it was is the same object."""
    kept = []
    for one in plan.resources:
        test = _settled(one.test, present)
        if test is not False and _there(one.each, present) and _settled(one.before, present) is not False:
            identity = tuple(_part(part, present) for part in one.identity)
            kept.append(replace(one, test=None if test is True else test, identity=identity))
    made = {one.name for one in kept}  # what references can find
    told = lambda name: present(name) or name in made  # noqa: E731
    bodies = [pruned(one.body, told) or replace(one.body, entries=(), own=None) for one in kept]
    return replace(plan, resources=tuple(replace(one, body=body) for one, body in zip(kept, bodies, strict=True)))


def _part(part: bound.Value | None, present: Present) -> bound.Value | None:
    """A part of a key without what cannot be valued; it stays a part even when nothing is left of it."""
    return replace(part, choice=tuple(one for one in part.choice if _gives(one, present))) if part is not None else None


def _there(each: str, present: Present) -> bool:
    return not each or present(each.rpartition("/")[2])


def _has(path: Path, present: Present) -> bool:
    name = stands(path)
    return not name or present(name)


def _settled(test: bound.Ask | None, present: Present) -> bound.Ask | bool:
    """The test, or its answer where the absent fields settle it."""
    if test is None:
        return True
    if isinstance(test, bound.Group):
        parts = [_settled(part, present) for part in test.parts]
        stop = test.sign != "and"  # one True settles an `or`, one False an `and`
        if any(part is stop for part in parts):
            return stop
        left = tuple(part for part in parts if not isinstance(part, bool))
        return (test if _same(left, test.parts) else replace(test, parts=left)) if left else not stop
    if test.other is not None:
        return test
    name = stands(test.path)
    if _has(test.path, present):
        told = test.sign in COMPARED and present(f"{name}=")  # of a coded field all its texts
        if not told or any(present(f"{name}={word}") for word in test.words):
            return test
    return test.sign in ("empty", "!=", "not in")


def pruned(value: bound.Object, present: Present) -> bound.Object | None:
    """An object without what can give nothing; None when nothing is left of it."""
    entries = tuple(made for entry in value.entries if (made := _entry(entry, present)) is not None)
    own = _value(value.own, present) if value.own is not None else None
    if value.own is not None and own is None:
        return None
    if value.own is None and not value.sure and all(entry.sure for entry in entries):
        return None  # what is left is fixed text, which alone is not written
    if own is value.own and _same(entries, value.entries):
        return value
    return replace(value, entries=entries, own=own if isinstance(own, bound.Value) else None)


def _entry(entry: bound.Entry, present: Present) -> bound.Entry | None:
    variants = []
    for one in entry.variants:
        test = _settled(one.test, present)
        value: bound.Value | bound.Fixed | bound.Object | None = None
        if test is not False and _there(one.each, present) and _settled(one.before, present) is not False:
            value = _value(one.value, present)
        if value is not None:
            # a test that is always true must not make the entry sure: sure entries alone are not written
            left = None if one.test is None else bound.ALWAYS if isinstance(test, bool) else test
            variants.append(one if value is one.value and left is one.test else replace(one, value=value, test=left))
    if _same(variants, entry.variants):
        return entry
    return replace(entry, variants=tuple(variants)) if variants else None


def _value(value: bound.Value | bound.Fixed | bound.Object, present: Present) -> bound.Value | bound.Fixed | bound.Object | None:
    if isinstance(value, bound.Fixed):
        return value
    if isinstance(value, bound.Object):
        return pruned(value, present)
    choice = tuple(one for one in value.choice if _gives(one, present))
    if len(choice) == len(value.choice):
        return value
    return replace(value, choice=choice) if choice else None


def _same(left: Sequence[object], all_: Sequence[object]) -> bool:
    """Whether nothing was left out or changed."""
    return len(left) == len(all_) and all(map(operator.is_, left, all_))


def _gives(one: bound.Alternative, present: Present) -> bool:
    if isinstance(one, bound.Refer):
        return one.must or present(one.name)
    return isinstance(one, bound.Say) or _has(one.path, present)
