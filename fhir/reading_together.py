"""Paths that are read from one scope as one function: what they have in common is walked once.

Written as Python source, a step of a path at a time; names of a path go into it as names, never as text. Where a list on the way holds
several items and no number says which is meant, the paths below it are read one by one (`reading.first`), as are those that choose by
a value: the answers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

from fhir.path_names import Name

Together = Callable[[Any], tuple[Any, ...]]


class Branch:
    """A step of some paths: which of them end here, and what follows."""

    __slots__ = ("below", "ends")

    def __init__(self) -> None:
        self.below: dict[Name, Branch] = {}
        self.ends: list[int] = []

    def add(self, names: Sequence[Name], number: int) -> None:
        """Adds the path of a number."""
        if not names:
            self.ends.append(number)
            return
        self.below.setdefault(names[0], Branch()).add(names[1:], number)

    def all(self) -> list[int]:
        """The numbers of the paths that end here or below."""
        return [*self.ends, *(number for one in self.below.values() for number in one.all())]


def together(paths: Sequence[tuple[tuple[Name, ...], Callable[[Any], Any]]]) -> Together:
    """Reads the first value of each path from a scope; a path is its names and what reads it by itself."""
    root, names, by_themselves = Branch(), dict[str, Any](), list[str]()
    for number, (path, alone) in enumerate(paths):
        names[f"alone{number}"] = alone
        if any(name.by for name in path):
            by_themselves.append(f"at{number} = alone{number}(scope)")
        else:
            root.add(path, number)
    values = [f"at{number}" for number in range(len(paths))]
    lines = [
        "def read(scope):",
        f"    {' = '.join([*values, 'None'])}",
        "    v0, shelf = scope.value, scope.shelf",
        *(f"    at{number} = None if v0 == '' else v0" for number in root.ends),
        *(f"    {line}" for line in (*_below(root, "v0", 1, names), *by_themselves)),
        f"    return {', '.join(values)},",
    ]
    exec(_compiled("\n".join(lines)), names)  # noqa: S102  our own text: what paths say stands in the names
    read: Together = names["read"]
    return read


@lru_cache(1024)
def _compiled(source: str) -> CodeType:
    return compile(source, "<reading>", "exec")


def _below(branch: Branch, value: str, depth: int, names: dict[str, Any]) -> Iterator[str]:
    """Lines that read what follows a value."""
    if not branch.below:
        return
    yield f"if {value}.__class__ is dict:"
    inner = f"v{depth}"
    for name, one in branch.below.items():
        yield from (f"    {line}" for line in _step(name, one, value, inner, names))
        yield f"    if {inner} is not None:"
        if one.ends:
            yield f"        if {inner} != '':"
            yield f"            {' = '.join([f'at{number}' for number in one.ends] + [inner])}"
        yield from (f"        {line}" for line in _below(one, inner, depth + 1, names))
        if not one.ends and not one.below:
            yield "        pass"


def _step(name: Name, one: Branch, value: str, inner: str, names: dict[str, Any]) -> Iterator[str]:
    """Lines that take one step from an object: `inner` is what is there, None when nothing is or its paths have been read one by one."""
    said = f"name{len(names)}"
    if name.text == "resolve":
        yield f"{inner} = {value}.get('reference')"
        yield f"{inner} = shelf.get({inner}) if {inner}.__class__ is str else None"
        return
    names[said] = name.text
    if name.text[:1].isupper():
        yield f"{inner} = {value} if {value}.get('resourceType') == {said} else None"
        return
    yield f"{inner} = {value}.get({said})"
    yield f"if {inner}.__class__ is list:"
    if name.nth:
        yield f"    {inner} = {inner}[{name.nth - 1}] if len({inner}) >= {name.nth} else None"
        return
    yield f"    if len({inner}) > 1:"
    yield from (f"        at{number} = alone{number}(scope)" for number in one.all())
    yield f"        {inner} = None"
    yield "    else:"
    yield f"        {inner} = {inner}[0] if {inner} else None"
