"""An object of a mapping that writes messages as Python source: a segment's fields, each path read once, tests and values in line.

What a segment may hold is told by many short rules that ask about the same few elements; as closures each of them costs several calls.
How a value is converted stands where it always stood; what is not plain (instances of a group, tests of texts, chains of functions)
is left to the closures of compile.py, whose every answer this gives (property test).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.fault import Fault
from engine.mapping import bound
from engine.mapping.compile import variant
from engine.mapping.compile_test import ask
from engine.mapping.compile_value import Fill, Kit
from engine.mapping.draft import compiled
from engine.mapping.run import Run
from engine.types import Path, Scope


def built(value: bound.Object, kit: Kit) -> Fill:
    """The function that makes an object, None for nothing; it has no value of its own and no choices."""
    return Built(kit).made(value)


class Built:
    """One object being written."""

    __slots__ = ("_kit", "_lines", "_names", "_reads")

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._names: dict[str, Any] = {"Fault": Fault}
        self._reads: dict[str, tuple[str, Path]] = {}  # by its text, each path with its value's name
        self._lines: list[str] = []

    def made(self, value: bound.Object) -> Fill:
        """Its function."""
        for entry in value.entries:
            self._entry(entry)
        sure = all(entry.sure for entry in value.entries)
        reads = list(self._reading())
        end = "return body" if sure else "return body if some else None"
        body = ["body = {}", "some = False", *reads, *self._lines, end]
        source = "\n".join(["def build(scope, run):", *(f"    {line}" for line in body)])
        exec(compiled(source), self._names)  # noqa: S102  our own text: what files say stands in the names
        made: Fill = self._names["build"]
        return made

    def _name(self, prefix: str, value: Any) -> str:
        name = f"{prefix}{len(self._names)}"
        self._names[name] = value
        return name

    def _read(self, path: Path) -> str:
        """The name of a path's first value."""
        return self._reads.setdefault(path.text, (f"at{len(self._reads)}", path))[0]

    def _reading(self) -> Iterator[str]:
        """Lines that read every path: together where the format can."""
        paths = [path for _, path in self._reads.values()]
        together = getattr(self._kit.format, "together", None)
        if together is not None and paths:
            yield f"{', '.join(at for at, _ in self._reads.values())}, = {self._name('read', together(paths))}(scope)"
        else:
            yield from (f"{at} = {self._name('read', path.first)}(scope)" for at, path in self._reads.values())

    def _entry(self, entry: bound.Entry) -> None:
        """Lines that give an element its value: the first that gives something, or all."""
        lines = self._lines
        lines.append("found = None")
        for number, one in enumerate(entry.variants):
            plain = not one.each and one.before is None
            asked = [] if not plain or one.test is None or one.test == bound.ALWAYS else [self._condition(one.test)]
            if number and not entry.many:
                asked.insert(0, "found is None")
            pad = "    " if asked else ""
            if asked:
                lines.append(f"if {' and '.join(asked)}:")
            target = "more" if number and entry.many else "found"
            lines += [f"{pad}{line}" for line in self._value(one, entry.many, target, plain)]
            if target == "more":
                lines += [f"{pad}if more is not None:", f"{pad}    found = more if found is None else found + more"]
        lines += ["if found is not None:", f"    body[{self._name('name', entry.name)}] = found"]
        if not entry.sure:
            lines.append("    some = True")

    def _value(self, one: bound.Variant, many: bool, target: str, plain: bool) -> Iterator[str]:
        """Lines that give one variant's value, its test being true."""
        if not plain:
            yield f"{target} = {self._name('make', variant(one, many, self._kit))}(scope, run)"
        elif isinstance(one.value, bound.Fixed):
            fixed = one.value.value
            yield f"{target} = {self._name('fixed', [fixed] if many and not isinstance(fixed, list) else fixed)}"
        elif isinstance(one.value, bound.Value) and _is_plain(one.value, many):
            [read] = one.value.choice
            assert isinstance(read, bound.Read)
            yield from self._converted(read, many, target)
        else:
            free = bound.Variant(one.value, None, "", one.at)
            yield f"{target} = {self._name('make', variant(free, many, self._kit))}(scope, run)"

    def _converted(self, read: bound.Read, many: bool, target: str) -> Iterator[str]:
        """Lines that convert a path's first value."""
        yield f"{target} = {self._read(read.path)}"
        refused = self._name("refused", _refused(read))
        for act in [*(step.act for step in read.steps), read.convert]:
            yield f"if {target} is not None:"
            yield f"    {target} = {self._name('act', act)}({target})"
            yield f"    if {target}.__class__ is Fault:"
            yield f"        {target} = {refused}(run, {target}, scope)"
        if many:
            yield f"    if {target} is not None and {target}.__class__ is not list:"
            yield f"        {target} = [{target}]"
            yield f"    {target} = {target} or None"
        else:
            yield f"    if {target}.__class__ is list:"
            yield f"        {target} = {target}[0] if {target} else None"

    def _condition(self, test: bound.Ask) -> str:
        """The source of a test."""
        if isinstance(test, bound.Group):
            inner = [self._condition(part) for part in test.parts]
            return f"({f' {test.sign} '.join(inner)})" if inner else str(test.sign == "and")
        if test.sign in ("valued", "empty") and not test.path.outer:
            return f"{self._read(test.path)} is {'not ' if test.sign == 'valued' else ''}None"
        return f"{self._name('ask', ask(test))}(scope, run)"


def _is_plain(value: bound.Value, many: bool) -> bool:
    """Whether it is one path's one value, through at most one function, remembered by nobody."""
    if len(value.choice) != 1 or not isinstance(read := value.choice[0], bound.Read):
        return False
    path = read.path
    if read.by is not None or path.outer or getattr(path, "key", None) is not None or (many and (path.repeats or read.steps)):
        return False
    return len(read.steps) < 2 and not any(step.all for step in read.steps)


def _refused(read: bound.Read) -> Callable[[Run, Fault, Scope], None]:
    """Notes a refusal, or a warning where the rule says so."""
    path, note = read.path, Run.warn if read.lenient else Run.fail
    return lambda run, fault, scope: note(run, fault, path, scope)
