"""What is known of a rule while its source is written: the texts it reads, the names its source uses and what they stand for.

Whatever comes from a mapping's file goes into the source as a name, never as text, so that no file can write code. Names are numbered
rule by rule: rules of one shape have the same source, which is compiled once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from types import CodeType
from typing import Any

from engine.mapping import bound
from engine.mapping.compile_test import ask
from engine.mapping.remember import Depend, Fill, Making, Memory, Part, of_ask, of_entry, of_value, recurs
from engine.mapping.run import Run
from engine.types import Path, Scope

_PLACE = re.compile(r"(near|wide)\[@\d+\]")
SOURCES = 1024  # compiled sources kept
CARRIED = ("c", "near", "wide", "same")  # what is known of a scope when its resource is made
Slots = Callable[[Scope, Run], tuple[Any, ...]]


class Draft:
    """One rule being written. `near` are the texts of its own scope, `wide` those of what encloses it, `same` is its record: what
    follows from codes of its own scope alone, remembered as one.
    """

    __slots__ = (
        "_asked",
        "_depend",
        "_of",
        "_placed",
        "_record",
        "_told",
        "_width",
        "carried",
        "memory",
        "names",
        "paths",
        "rule",
        "used",
    )

    def __init__(self, rule: bound.Resource, memory: Memory, depend: Depend) -> None:
        self.rule, self.memory = rule, memory
        self.names: dict[str, Any] = {"nothing": object()}
        self.used: set[str] = set()  # near, wide, same, c
        self.carried = ""
        self.paths: list[Part] = []  # what the record follows from
        self._record: list[Slots] = []
        self._width = 0
        self._of: dict[int, tuple[str, ...]] = {}
        self._asked: dict[str, Path] = {}  # a path for each text that the source reads
        self._placed: dict[str, int] = {}
        self._depend = depend
        self._told: dict[int, Path] = {}
        numbers: dict[str, int] = {}
        for path, outer in _told(rule):
            where, texts = "wide" if outer else "near", path.told  # type: ignore[attr-defined]  # see Format.depends
            self._of[id(path)] = tuple(f"{where}[@{numbers.setdefault(text, len(numbers))}]" for text in texts)
            self._told[id(path)] = path

    def reading(self, where: str) -> Any:
        """What reads the texts that the source names, of a scope or of what encloses it; None when it names none there."""
        wanted = {text: path for text, path in self._asked.items() if text.startswith(where)}
        paths = list({id(path): path for path in wanted.values()}.values())
        texts = self._depend(paths) if paths else None
        if texts is None:
            return None
        for path, places in zip(paths, texts.of, strict=True):
            self._placed.update(zip(self._of[id(path)], places, strict=True))
        return texts.read

    def placed(self, source: str) -> str:
        """The source with the texts' places among those that are read."""
        return _PLACE.sub(lambda match: f"{match[1]}[{self._placed[match[0]]}]", source)

    def name(self, prefix: str, value: Any) -> str:
        """A new name for a value."""
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    def texts(self, parts: Sequence[Part]) -> tuple[str, ...]:
        """The source of the texts that these depend on."""
        found = sorted({text for part in parts if part is not None for text in self._of.get(id(part), ())})
        for part in parts:
            for text in self._of.get(id(part), ()):
                self._asked.setdefault(text, self._told[id(part)])
        self.used.update(text[:4] for text in found)
        self.used.add("c")
        return tuple(found)

    def is_told(self, parts: Sequence[Part]) -> bool:
        """Whether the texts these depend on are known, all of them."""
        return bool(parts) and all(id(part) in self._of for part in parts)

    def is_near(self, parts: Sequence[Part]) -> bool:
        """Whether they are of the rule's own scope."""
        return all(text.startswith("near") for part in parts for text in self._of.get(id(part), ("",)))

    def is_wide(self, parts: Sequence[Part]) -> bool:
        """Whether they are of what encloses it."""
        return self.is_told(parts) and all(text.startswith("wide") for part in parts for text in self._of[id(part)])

    def recorded(self, parts: Sequence[Part], width: int, make: Slots) -> list[str]:
        """Makes something part of the record; the source of its values."""
        self.paths += parts
        self.used.add("same")
        self._record.append(make)
        first, self._width = self._width, self._width + width
        return [f"same[{first + place}]" for place in range(width)]

    def record(self) -> Fill:
        """What makes the record: nothing in it is made where its rule's test already says no."""
        makers, blank, test = tuple(self._record), (False,) * self._width, self.rule.test
        gate = ask(test) if test is not None and self.in_record(list(of_ask(test))) else None

        def record(scope: Scope, run: Run) -> tuple[Any, ...]:
            if gate is not None and not gate(scope, run):
                return blank
            return tuple(chain.from_iterable(make(scope, run) for make in makers))

        return record

    def in_record(self, parts: Sequence[Part]) -> bool:
        """Whether what is made of these can be part of the record."""
        return recurs(parts) and self.is_near(parts)

    def remembered(self, target: str, make: Fill, parts: Sequence[Part]) -> list[str]:
        """Lines that look a value up by the texts it depends on and make it when it is not known."""
        mark, making = self.name("mark", self.memory.mark()), self.name("make", Making(self.memory, make))
        texts = ", ".join((mark, "c", *self.texts(parts)))
        return [
            f"{target} = known(key := ({texts}), nothing)",
            f"if {target} is nothing:",
            f"    {target} = {making}(key, scope, run)",
        ]

    def condition(self, test: bound.Ask) -> str:
        """The source of a test: what codes alone answer stands in the record."""
        parts = list(of_ask(test))
        if parts and self.in_record(parts):
            holds = ask(test)
            return self.recorded(parts, 1, lambda scope, run: (holds(scope, run),))[0]
        if isinstance(test, bound.Group):
            inner = [self.condition(part) for part in test.parts]
            return f"({f' {test.sign} '.join(inner)})" if inner else str(test.sign == "and")
        return f"{self.name('ask', ask(test))}(scope, run)"


def _told(rule: bound.Resource) -> Iterator[tuple[Path, bool]]:
    """The paths of a rule whose texts can be known, and whether each reads what encloses the rule's scope."""
    around = chain(of_ask(rule.test), *(of_value(part) for part in rule.identity))
    entries = [(part, inside(entry)) for entry in rule.body.entries for part in of_entry(entry)]
    for part, below in chain(((part, False) for part in around), entries):
        if part is not None and not isinstance(part, bound.Refer) and getattr(part, "told", False):
            yield part, part.outer and not below


def inside(entry: bound.Entry) -> bool:
    """Whether parts of it are read from inside something below the rule's scope: what is outer there may be the rule's own."""
    inner = (one.value for one in entry.variants if isinstance(one.value, bound.Object))
    return any(one.each for one in entry.variants) or any(inside(below) for value in inner for below in value.entries)


@lru_cache(SOURCES)
def compiled(source: str) -> CodeType:
    """The code of a source."""
    return compile(source, "<mapping>", "exec")
