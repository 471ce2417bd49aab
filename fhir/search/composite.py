"""Composite parameters on repeating elements (`component-code-value-quantity`): the parts of one element are kept together.

Those on the resource itself need nothing of their own: their parts are searched one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fhir.search.hashing import packed, tag_packed
from fhir.search.parameters import Component, Parameter, Path

Visit = Callable[[Any, Any], None]
MAX_KEPT = 1 << 14


def visits(parameter: Parameter) -> Iterator[tuple[str, Visit]]:
    """The first name of each path of a nested composite, and what visits its value."""
    for path in parameter.paths:
        if len(path.names) == 1 and len(parameter.components) == 2:
            yield path.names[0], visit(path, *parameter.components)


def visit(path: Path, first: Component, second: Component) -> Visit:
    """Keeps every pair of a first and a second value of one element."""
    from fhir.search.extract import Entries, descend, leaf  # noqa: PLC0415  the two modules are one recursion

    heads = {one.names[0]: descend("", one, leaf("", one, first.kind)) for one in first.paths if one.names[0] != "%resource"}
    tails = {one.names[0]: (one, descend("", one, leaf("", one, second.kind))) for one in second.paths}
    prefix = f"{path.id}${first.name}${second.name}"
    tags: dict[tuple[bytes, bytes], bytes] = {}  # a code and the tag of a value's unit come again and again

    def tagged(one: bytes, held: bytes) -> bytes:
        found = tags.get((one, held))
        if found is None:
            if len(tags) >= MAX_KEPT:
                tags.clear()
            found = tags[one, held] = tag_packed(f"{prefix}|{one.hex()}|{held.hex()}")
        return found

    def on(value: Any, out: Entries) -> None:
        left, right = Entries(), Entries()
        for name, part in value.items():
            if name in heads:
                heads[name](part, left)
            if name in tails:
                tails[name][1](part, right)
        for one in left.tokens + left.exact:
            for other in right.tokens + right.exact:
                out.exact.append(packed(f"{prefix}|{one.hex()}|{other.hex()}"))
            for held in right.ranges:
                out.ranges.append(tagged(one, held[:12]) + held[12:])

    def each(value: Any, out: Entries) -> None:
        for one in value if isinstance(value, list) else [value]:
            on(one, out)

    return each
