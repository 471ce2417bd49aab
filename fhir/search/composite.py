"""Composite parameters on repeating elements (`component-code-value-quantity`): the parts of one element are kept together.

Those on the resource itself need nothing of their own: their parts are searched one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from fhir.search.descend import descend
from fhir.search.entries import Entries
from fhir.search.hashing import packed, tag_packed
from fhir.search.leaf import leaf
from fhir.search.parameters import Component, Parameter, Path, parameters

Visit = Callable[[Any, Any], None]
MAX_KEPT = 1 << 12


def visits(type: str, parameter: Parameter) -> Iterator[tuple[str, Visit]]:
    """The first name of each path of a nested composite, and what visits its value; nothing where another one keeps the same."""
    for path in parameter.paths:
        if len(path.names) == 1 and len(parameter.components) == 2 and keeper(type, parameter, path) is parameter:
            yield path.names[0], visit(path, *parameter.components)


@cache
def keeper(type: str, parameter: Parameter, path: Path) -> Parameter:
    """Of a type's composites that keep the very same pairs of an element (component- and combo-code-value-quantity), the first by name.

    Its entries serve all of them.
    """

    def pairs(one: Parameter) -> tuple[tuple[str, frozenset[Path]], ...]:
        return tuple((part.kind, frozenset(part.paths)) for part in one.components)

    same = [
        one
        for one in parameters(type).values()
        if one.kind == "composite" and path in one.paths and pairs(one) == pairs(parameter)
    ]
    return min(same, key=lambda one: one.name, default=parameter)


def prefix(first: Component, second: Component, path: Path) -> str:
    """What stands before the pairs of a composite at one of its paths."""
    return f"{path.id}${first.name}${second.name}"


def visit(path: Path, first: Component, second: Component) -> Visit:
    """Keeps every pair of a first and a second value of one element."""
    heads = {one.names[0]: descend("", one, leaf("", one, first.kind)) for one in first.paths if one.names[0] != "%resource"}
    tails = {one.names[0]: descend("", one, leaf("", one, second.kind)) for one in second.paths}
    before = prefix(first, second, path)
    known: dict[tuple[bytes, bytes], tuple[bytes, ...]] = {}  # codes and the tag of a value's unit come again and again

    def tags(codes: list[bytes], held: bytes) -> tuple[bytes, ...]:
        key = b"".join(codes), held
        found = known.get(key)
        if found is None:
            if len(known) >= MAX_KEPT:
                known.clear()
            found = known[key] = tuple([tag_packed(f"{before}|{one.hex()}|{held.hex()}") for one in codes])
        return found

    def on(value: Any, out: Entries) -> None:
        right = Entries()
        for name, part in value.items():
            if name in tails:
                tails[name](part, right)
        others = right.tokens + right.exact
        if not others and not right.ranges:
            return
        left = Entries()
        for name, part in value.items():
            if name in heads:
                heads[name](part, left)
        codes = left.tokens + left.exact
        for one in codes:
            for other in others:
                out.exact.append(packed(f"{before}|{one.hex()}|{other.hex()}"))
        for held in right.ranges:
            place = held[12:]
            out.ranges += [tag + place for tag in tags(codes, held[:12])]

    def each(value: Any, out: Entries) -> None:
        for one in value if isinstance(value, list) else [value]:
            on(one, out)

    return each
