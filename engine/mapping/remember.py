"""Remembering what was made of the texts it depends on: codes, units, ranges, times and whole persons come again and again.

What a rule makes follows from the fields it reads (`Format.depends` gives their texts as one key) and from what its references
point to. What raised a fault or a warning is made anew each time. What is remembered is shared by many messages: nobody changes
a made value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

from engine.mapping import bound
from engine.mapping.run import Run
from engine.types import Path, Scope

Fill = Callable[[Scope, Run], Any]
Part = Path | bound.Refer | None  # None: what is neither, as the instances of a group
Depend = Callable[[list[Path]], "Callable[[Scope], Any] | None"]
MOST = 16384  # values remembered by a mapping
WATCHED = 4000  # values a rule makes before it is judged whether remembering them pays
WORTH = 8  # it does when one of so many comes again: making a value costs many times what looking it up does
LONGEST = 2000  # characters of all the texts of a key


class Memory:
    """What a mapping's rules have made. When it is full the older half is forgotten."""

    __slots__ = ("_kept", "_marks", "depend", "get")

    def __init__(self, depend: Depend) -> None:
        self.depend = depend
        self._kept: dict[Any, Any] = {}
        self._marks = count()
        self.get = self._kept.get

    def mark(self) -> int:
        """A number that tells the values of one rule from those of others."""
        return next(self._marks)

    def keep(self, key: Any, value: Any) -> None:
        """Remembers a value, unless its key is too long for that."""
        kept = self._kept
        if len(kept) >= MOST:
            for old in list(islice(kept, MOST // 2)):
                kept.pop(old, None)
        if length(key) <= LONGEST:
            kept[key] = value


def length(key: Any) -> int:
    """Characters in a key."""
    if key.__class__ is str:
        return len(key)
    return sum(length(part) for part in key) if key.__class__ is tuple else 1


def remembered(memory: Memory | None, parts: Iterator[Part], made: Fill) -> Fill:
    """The same closure, made to remember; unchanged where it is not known what it depends on.

    It stops remembering when what it makes is new nearly each time.
    """
    key = depends(memory, parts)
    if memory is None or key is None:
        return made
    get, mark = memory.get, memory.mark()
    asked = missed = 0

    def quick(scope: Scope, run: Run) -> Any:
        nonlocal asked, missed
        if missed > WATCHED:
            if missed * WORTH > asked * (WORTH - 1):
                return made(scope, run)
            asked = missed = 0
        told = key(scope)
        if told is None:
            return made(scope, run)
        asked += 1
        found = get((mark, told), quick)
        if found is not quick:
            return found
        missed += 1
        return fresh(memory, (mark, told), lambda: made(scope, run), run)

    return quick


def fresh(memory: Memory, key: Any, make: Callable[[], Any], run: Run) -> Any:
    """Makes a value and remembers it when nothing was said about it."""
    noted = len(run.faults) + len(run.warnings)
    value = make()
    if noted == len(run.faults) + len(run.warnings):
        memory.keep(key, value)
    return value


def depends(memory: Memory | None, parts: Iterator[Part]) -> Callable[[Scope], Any] | None:
    """The key of what is made from these paths; None when that is not all it is made from, or nothing."""
    if memory is None:
        return None
    found = list(parts)
    paths = [part for part in found if part is not None and not isinstance(part, bound.Refer)]
    return memory.depend(paths) if paths and len(paths) == len(found) else None


def recurs(entry: bound.Entry) -> bool:
    """Whether an element is made of what comes again in message after message, and of nothing else."""
    return all(getattr(part, "recurs", False) for part in of_entry(entry))


def comes_again(entry: bound.Entry) -> bool:
    """Whether the same element may well be made again: remembering what never comes again crowds out the rest."""
    return all(getattr(part, "again", False) for part in of_entry(entry))


def of_entry(entry: bound.Entry) -> Iterator[Part]:
    """Every path and reference an element is made from."""
    for one in entry.variants:
        yield from of_ask(one.before)
        yield from of_ask(one.test)
        inner = list(of_value(one.value))
        if one.each and not any(getattr(part, "text", "") == one.each for part in inner):
            yield None
        yield from inner


def of_value(value: bound.Value | bound.Fixed | bound.Object | None) -> Iterator[Part]:
    """Every path a value is made from."""
    if isinstance(value, bound.Object):
        yield from of_value(value.own)
        for entry in value.entries:
            yield from of_entry(entry)
    elif isinstance(value, bound.Value):
        for one in value.choice:
            if isinstance(one, bound.Read):
                yield one.path
                if one.by is not None:
                    yield one.by
            elif isinstance(one, bound.Refer):
                yield one


def of_ask(test: bound.Ask | None) -> Iterator[Part]:
    """Every path a test asks about."""
    if isinstance(test, bound.Group):
        for part in test.parts:
            yield from of_ask(part)
    elif test is not None:
        yield test.path
        yield from of_ask(test.other)
