"""What a test can state about the resources a message became. Values are compared as text, so 7.10 is not 7.1."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.diagnostic import Span
from engine.document import Items, Node, Pairs, Text
from engine.fault import Fault
from engine.mapping.functions import text_of
from engine.types import Put

_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[(\d+)\])?")
Failed = Iterator[tuple[str, Span]]
Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Made:
    """What a message became: resources, or the faults that refused it; and its warnings."""

    result: list[Put] | tuple[Fault, ...]
    warnings: Sequence[Fault]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The resources, none when refused."""
        return [put.body for put in self.result] if isinstance(self.result, list) else []


def values(bodies: Sequence[dict[str, Any]], place: str) -> list[Any] | None:
    """The values at `Observation[2].code.coding[1].code`; all resources or items where no number is said; None for no place."""
    names = [_NAME.fullmatch(part) for part in place.split(".")]
    matches = [one for one in names if one is not None]
    if not matches or len(matches) != len(names):
        return None
    first, *rest = matches
    here: list[Any] = _nth([body for body in bodies if body.get("resourceType") == first[1]], first[2])
    for match in rest:
        inner = [one[match[1]] for one in here if isinstance(one, dict) and match[1] in one]
        here = []
        for one in inner:
            here += _nth(one if isinstance(one, list) else [one], match[2])
    return here


def _nth(items: list[Any], number: str | None) -> list[Any]:
    if number is None:
        return items
    return items[int(number) - 1 : int(number)] if int(number) else []


def same(value: Any, node: Node) -> bool:
    """Whether a value is what the test states: texts equal, and for several elements at least those that are stated."""
    if isinstance(node, Text):
        return not isinstance(value, (dict, list)) and text_of(value) == node.text
    if isinstance(node, Items):
        return isinstance(value, list) and len(value) == len(node.items) and all(map(same, value, node.items))
    return isinstance(value, dict) and all(key.text in value and same(value[key.text], inner) for key, inner in node)


def shown(value: Any) -> str:
    """A value in a message for people."""
    return json.dumps(value, default=text_of, ensure_ascii=False)[:200] if isinstance(value, (dict, list)) else text_of(value)


def expect(made: Made, node: Node, item: Pairs, read: Read) -> Failed:
    """Values by their place."""
    for key, wanted in node if isinstance(node, Pairs) else ():
        found = values(made.bodies, key.text)
        if found is None:
            yield f"{key.text} is no place such as Observation[1].status", key.at
        elif not found and isinstance(made.result, list):
            yield f"{key.text} is not there", key.at
        elif found and not same(found[0], wanted):
            yield f"{key.text} is {shown(found[0])}", wanted.at


def absent(made: Made, node: Node, item: Pairs, read: Read) -> Failed:
    """Places with no value."""
    for one in node.items if isinstance(node, Items) else (node,):
        place = one.text if isinstance(one, Text) else ""
        found = values(made.bodies, place)
        if found is None:
            yield f"{place} is no place such as Observation[1].status", one.at
        elif found:
            yield f"{place} is {shown(found[0])}", one.at


def count(made: Made, node: Node, item: Pairs, read: Read) -> Failed:
    """How many resources of each type."""
    there = Counter(body["resourceType"] for body in made.bodies)
    for key, wanted in node if isinstance(node, Pairs) else ():
        if not isinstance(wanted, Text) or str(there[key.text]) != wanted.text:
            yield f"there are {there[key.text]} {key.text}", wanted.at


def refuse(made: Made, node: Node, item: Pairs, read: Read) -> Failed:
    """A fault by its code, and its place where `at` states one."""
    code = node.text if isinstance(node, Text) else ""
    if isinstance(made.result, list):
        yield f"the message is not refused; it gives {len(made.result)} resources", node.at
        return
    at = item.get("at")
    place = at.text if isinstance(at, Text) else None
    if not any(fault.code == code and place in (None, fault.at) for fault in made.result):
        yield f"it is refused otherwise: {'; '.join(map(str, made.result))}", (at or node).at


def warns(made: Made, node: Node, item: Pairs, read: Read) -> Failed:
    """A warning by its code."""
    code = node.text if isinstance(node, Text) else ""
    if not any(fault.code == code for fault in made.warnings):
        yield f"there is no such warning; there are {', '.join(fault.code for fault in made.warnings) or 'none'}", node.at


def equals(made: Made, node: Node, item: Pairs, read: Read) -> Failed:
    """All resources, as a file states them: a Bundle, a list or one resource."""
    raw = read(node.text) if isinstance(node, Text) else None
    if raw is None:
        yield "there is no such file beside the mappings", node.at
        return
    stated = json.loads(raw, parse_float=Decimal, parse_int=Decimal)
    if isinstance(stated, dict) and stated.get("resourceType") == "Bundle":
        stated = [entry["resource"] for entry in stated.get("entry", ())]
    wanted = stated if isinstance(stated, list) else [stated]
    for number, (one, body) in enumerate(zip(wanted, made.bodies, strict=False), 1):
        where = difference(one, body, f"{body['resourceType']} ({number})")
        if where:
            yield where, node.at
            return
    if len(wanted) != len(made.bodies):
        yield f"the file has {len(wanted)} resources, the message gives {len(made.bodies)}", node.at


def difference(wanted: Any, found: Any, place: str) -> str:
    """The first place where two values differ, in words; empty when they are the same. Numbers must have the same digits."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in dict.fromkeys((*wanted, *found)):
            where = difference(wanted.get(name), found.get(name), f"{place}.{name}")
            if where:
                return where
        return ""
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True), 1)
        return next((where for n, (one, other) in pairs if (where := difference(one, other, f"{place}[{n}]"))), "")
    if isinstance(wanted, (dict, list)) or isinstance(found, (dict, list)) or wanted is None or found is None:
        return "" if wanted is found else f"{place} is {shown(found)}, not {shown(wanted)}"
    return "" if text_of(wanted) == text_of(found) else f"{place} is {shown(found)}, not {shown(wanted)}"


def _stated(made: Made, node: Node, item: Pairs, read: Read) -> Failed:
    yield from ()


CHECKS: dict[str, Callable[[Made, Node, Pairs, Read], Failed]] = {
    "expect": expect,
    "absent": absent,
    "count": count,
    "refuse": refuse,
    "at": _stated,
    "warns": warns,
    "equals": equals,
}
