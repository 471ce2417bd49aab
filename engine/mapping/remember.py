"""Remembering what was made of the texts it depends on: codes, units, ranges, times and whole persons come again and again.

What a rule makes follows from the fields it reads (`Format.depends` gives their texts) and from what its references point to.
What raised a fault or a warning is made anew each time. What is remembered is shared by many messages: nobody changes a made
value.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from typing import Any

from engine.mapping import bound
from engine.mapping.ports import Texts
from engine.mapping.run import Run
from engine.types import Path, Scope

Fill = Callable[[Scope, Run], Any]
Part = Path | bound.Refer | None  # None: what is neither, as the instances of a group
Depend = Callable[[Sequence[Path]], Texts | None]
MOST = 12288  # values remembered by a mapping
MET = 8192  # keys of whole resources it has met once, about; a power of two
NEVER = -1  # no hash is that
TEXTS = 1024  # texts that stand in many keys, as units do
LONGEST = 2000  # characters of all the texts of a key


class Memory:
    """What a mapping's rules have made. When it is full the older half is forgotten."""

    __slots__ = ("_kept", "_marks", "_met", "_texts", "get")

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}
        self._marks = count()
        self._met = array("q")  # the hash of the key met last, of those that share a place
        self._texts: dict[str, str] = {}
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
            kept[self._shared(key)] = value

    def keep_again(self, key: Any, value: Any) -> None:
        """Remembers a value whose key was met before: most whole resources that come once never come again."""
        met, mark = self._met, hash(key)
        if not met:
            met.extend(array("q", [NEVER]) * MET)
        place = mark & (MET - 1)
        if met[place] == mark:
            self.keep(key, value)
        else:
            met[place] = mark

    def _shared(self, key: Any) -> Any:
        """The key with texts that stood in others before as those very objects."""
        if key.__class__ is not tuple:
            return key
        texts = self._texts
        if len(texts) >= TEXTS:
            texts.clear()
        return tuple(texts.setdefault(part, part) if part.__class__ is str else part for part in key)


def length(key: Any) -> int:
    """Characters in a key."""
    if key.__class__ is str:
        return len(key)
    return sum(length(part) for part in key) if key.__class__ is tuple else 1


class Making:
    """Makes what is not remembered, and remembers it unless something was said about it."""

    __slots__ = ("make", "memory")

    def __init__(self, memory: Memory, make: Fill) -> None:
        self.memory, self.make = memory, make

    def __call__(self, key: Any, scope: Scope, run: Run) -> Any:
        """The value of a key."""
        noted = run.noted
        value = self.make(scope, run)
        if noted == run.noted:
            self.memory.keep(key, value)
        return value


def recurs(parts: Sequence[Part]) -> bool:
    """Whether what is made of these comes again in message after message."""
    return all(getattr(part, "recurs", False) and getattr(part, "told", False) for part in parts)


def comes_again(parts: Sequence[Part]) -> bool:
    """Whether the same may well be made again: remembering what never comes again crowds out the rest."""
    return all(getattr(part, "again", False) and getattr(part, "told", False) for part in parts)


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
