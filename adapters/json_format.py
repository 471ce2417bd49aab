"""JSON documents as a format: names joined by dots, `device.readings[2].value`; a list is a repetition, numbers keep their
digits.

`each: readings` gives the items of a list; inside it, a name is looked for in the item first, then in what encloses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from adapters.json_change import change
from engine.fault import Fault, Kind
from engine.types import Envelope

_NAME = re.compile(r'([^.\[\]"]+|"[^"]+")(?:\[(\d+)\])?')
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
MAX_BYTES = 64 << 20


@dataclass(eq=False, slots=True)
class Node:
    """A value of the document: the whole of it, or one item of a list."""

    value: Any
    parent: Node | None = None
    place: str = ""
    name: str = ""
    cache: dict[str, list[Node]] = field(default_factory=dict)

    def each(self, group: str) -> list[Node]:
        """The items of a list, or the one value that stands there."""
        found = self.cache.get(group)
        if found is None:
            names = parts(group) or ()
            found = self.cache[group] = [Node(value, self, place, group) for place, value in walk(self.value, names, self.place)]
        return found


def parts(text: str) -> tuple[tuple[str, int], ...] | None:
    """The names of a path, each with its item from 1 (0 for all); None when it is not a path."""
    found: list[tuple[str, int]] = []
    end = 0
    while end < len(text):
        match = _NAME.match(text, end)
        if match is None:
            return None
        found.append((match[1].strip('"'), int(match[2] or 0)))
        end = match.end()
        if end < len(text):
            if text[end] != ".":
                return None
            end += 1
    return tuple(found) if found and not text.endswith(".") else None


def walk(value: Any, names: tuple[tuple[str, int], ...], place: str) -> Iterator[tuple[str, Any]]:
    """The places and values at the end of a path, lists opened on the way and at the end."""
    if not names:
        if isinstance(value, list):
            for number, item in enumerate(value, 1):
                yield f"{place}[{number}]", item
        elif value is not None:
            yield place, value
        return
    (name, item), rest = names[0], names[1:]
    if isinstance(value, list):
        for number, one in enumerate(value, 1):
            yield from walk(one, names, f"{place}[{number}]")
    elif isinstance(value, dict) and name in value:
        inner, where = value[name], f"{place}.{name}" if place else name
        if item:
            inner, where = (inner[item - 1] if isinstance(inner, list) and item <= len(inner) else None), f"{where}[{item}]"
        yield from walk(inner, rest, where)


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A compiled path. Types are not known: values are read as text unless a mapping says `| as(…)`."""

    text: str
    names: tuple[tuple[str, int], ...]
    type: str = ""
    typed_by: str = ""
    repeats: bool = True
    outer: bool = False

    def home(self, scope: Any) -> Any:
        """The scope itself: what encloses it is found anew."""
        return scope

    def found(self, scope: Any) -> list[tuple[str, Any]]:
        """The places and values, from the nearest enclosing scope that has the first name."""
        node = scope
        while node is not None:
            if isinstance(node.value, dict) and self.names[0][0] in node.value:
                return [one for one in walk(node.value, self.names, node.place) if one[1] not in ("", None)]
            node = node.parent
        return []

    def first(self, scope: Any) -> Any:
        """The first value, or None."""
        found = self.found(scope)
        return found[0][1] if found else None

    def all(self, scope: Any) -> list[Any]:
        """Every value."""
        return [value for _, value in self.found(scope)]

    def null(self, scope: Any) -> bool:
        """JSON's null is how a document says to delete."""
        value = scope.value
        for name, _ in self.names[:-1]:
            value = value.get(name) if isinstance(value, dict) else None
        return isinstance(value, dict) and value.get(self.names[-1][0], ...) is None

    def where(self, scope: Any) -> tuple[str, int, int]:
        """The path with its items; bytes are not told."""
        found = self.found(scope)
        return (found[0][0] if found else self.text), 0, 0


@dataclass(frozen=True, slots=True)
class Json:
    """JSON documents, read by their names. The options name the paths of the envelope."""

    media: ClassVar[str] = "application/json"

    type: str = ""
    sender: str = ""
    control_id: str = ""
    key: str = ""
    name: str = "json"

    def recognises(self, body: bytes) -> bool:
        """Whether a file looks like a JSON document that is no FHIR resource."""
        return body.lstrip()[:1] in (b"{", b"[") and b'"resourceType"' not in body

    def envelope(self, body: bytes) -> Envelope | Fault:
        """Reads the stated paths."""
        scope = self.parse(body)
        if isinstance(scope, Fault):
            return scope
        return Envelope(*(self._text(path, scope) for path in (self.type, self.sender, self.control_id, self.key)))

    def _text(self, path: str, scope: Node) -> str:
        names = parts(path) if path else None
        value = JsonPath(path, names).first(scope) if names else None
        return "" if value is None or isinstance(value, dict) else str(value)

    def parse(self, body: bytes) -> Node | Fault:
        """Reads a document; numbers with a point become Decimal."""
        if len(body) > MAX_BYTES:
            return Fault(Kind.INCORRECT, "E195", f"the document is larger than {MAX_BYTES} bytes")
        try:
            return Node(_DECODER.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Fault(Kind.INCORRECT, "E194", "the body is not JSON", help="send one JSON document in UTF-8")

    def path(self, text: str, structure: str, group: str) -> JsonPath | Fault:
        """Compiles a path; any name may stand in a document, so only its notation can be wrong."""
        names = parts(text)
        if names is None:
            return Fault(
                Kind.INCORRECT, "E196", f"{text} is no path of names", help="names joined by dots: device.readings[1].value"
            )
        return JsonPath(text, names)

    def change(self, body: bytes, path: str, text: str) -> bytes | Fault:
        """A document with one value written anew (see `change`)."""
        scope, names = self.parse(body), parts(path)
        if isinstance(scope, Fault):
            return scope
        return change(scope.value, names, text) if names else Fault(Kind.INCORRECT, "E196", f"{path} is no path of names")
