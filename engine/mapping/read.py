"""A mapping file to its tree. Nothing is looked up yet: what names mean is bind.py's matter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from engine.diagnostic import NOWHERE, Diagnostic, Span, did_you_mean, errors
from engine.document import Items, Node, Pairs, Text
from engine.document import read as read_document
from engine.mapping import formula as grammar
from engine.mapping.key import key as read_key
from engine.mapping.nodes import Formula, Key
from engine.mapping.tree import Body, Clear, End, Many, Plain, Resource, Rule, Tree, Value

TOP = ("mapping", "part", "title", "reads", "writes", "events", "include", "resources", "segments")


@dataclass(slots=True)
class _Reading:
    """The findings of one file."""

    file: str
    found: list[Diagnostic] = field(default_factory=list)

    def say(self, code: str, text: str, at: Span, help: str = "") -> None:
        self.found.append(Diagnostic(code, text, at, help))


def read(text: str | bytes, file: str) -> tuple[Tree | None, list[Diagnostic]]:
    """Reads a mapping file; never raises. There is no tree when anything is wrong."""
    node, found = read_document(text, file)
    if node is None:
        return None, found
    reading = _Reading(file, found)
    tree = _tree(node, reading)
    return (None if errors(reading.found) else tree), reading.found


def _tree(node: Node, reading: _Reading) -> Tree | None:
    if not isinstance(node, Pairs):
        reading.say("E204", "a mapping file is a list of names with values", node.at, "begin with: mapping: its_name")
        return None
    for key, _ in node:
        if key.text not in TOP:
            reading.say("E204", f"{key.text} is not known at the top of a mapping", key.at, did_you_mean(key.text, TOP))
    name = _text(node, "mapping", reading) or _text(node, "part", reading)
    if not name:
        reading.say("E205", "the mapping has no name", Span(reading.file), "begin with: mapping: its_name")
    part = node.get("part") is not None
    reads, writes = _end(node, "reads", reading), _end(node, "writes", reading)
    for word, end in (("reads", reads), ("writes", writes)):
        if not part and not end.name:
            help = "reads: hl7v2 ORU_R01" if word == "reads" else "writes: fhir R4"
            reading.say("E205", f"the mapping does not say what it {word}", Span(reading.file), help)
    return Tree(
        name=name,
        file=reading.file,
        reads=reads,
        writes=writes,
        events=tuple(one.text for one in _list(node, "events", reading)),
        include=_list(node, "include", reading),
        resources=_resources(node.get("resources"), bool(node.get("include") or node.get("segments")), reading),
        message=_message(node.get("segments"), reading),
        title=_text(node, "title", reading),
    )


def _text(node: Pairs, name: str, reading: _Reading) -> str:
    value = node.get(name)
    if value is not None and not isinstance(value, Text):
        reading.say("E206", f"{name} is one text", value.at)
    return value.text if isinstance(value, Text) else ""


def _end(node: Pairs, name: str, reading: _Reading) -> End:
    text = _text(node, name, reading)
    value = node.get(name)
    first, _, rest = text.partition(" ")
    return End(first, rest.strip(), value.at.part(0, len(first)) if value is not None else NOWHERE)


def _list(node: Pairs, name: str, reading: _Reading) -> tuple[Plain, ...]:
    """A list of names, `[A01, A04]`, or a single one."""
    value = node.get(name)
    if value is None:
        return ()
    items = value.items if isinstance(value, Items) else (value,)
    for item in items:
        if not isinstance(item, Text):
            reading.say("E206", f"{name} is a list of names", item.at)
    return tuple(Plain(item.text, item.at) for item in items if isinstance(item, Text))


def _resources(node: Node | None, included: bool, reading: _Reading) -> tuple[Resource, ...]:
    if node is None and included:
        return ()
    if node is None:
        reading.say("E205", "the mapping writes nothing", Span(reading.file), "add resources: with what is to be written")
        return ()
    pairs: list[tuple[Text, Node]] = []
    for part in node.items if isinstance(node, Items) else (node,):
        if isinstance(part, Pairs):
            pairs.extend(part.pairs)
        else:
            reading.say("E206", "a resource is a name with elements below it", part.at)
    found = [_resource(key, value, reading) for key, value in pairs]
    return tuple(one for one in found if one is not None)


def _message(node: Node | None, reading: _Reading) -> Body | None:
    """The segments of the one message that is written."""
    if node is None:
        return None
    if not isinstance(node, Pairs):
        reading.say("E206", "segments are names with fields below them", node.at)
        return None
    return _body(node, reading)


def _resource(key: Text, node: Node, reading: _Reading) -> Resource | None:
    head = _key(key, reading)
    if head is None:
        return None
    if not isinstance(node, Pairs):
        reading.say("E206", f"{head.element} has no elements below it", key.at)
        return None
    clear = [(name, value) for name, value in node if name.text.partition(" ")[0] == "clear"]
    own = [(name, value) for name, value in node if name.text not in ("key", "update", *(one.text for one, _ in clear))]
    body = _body(Pairs(tuple(own), node.at), reading)
    update = _text(node, "update", reading)
    at = node.get("update")
    if update not in ("", "merge", "replace") and at is not None:
        reading.say("E204", f"update: {update} is not known", at.at, did_you_mean(update, ("merge", "replace")))
    identity, where = _identity(node.get("key"), reading)
    lost = tuple(one for name, value in clear if (one := _clear(name, value, reading)) is not None)
    return Resource(head, identity, where, update == "merge", body, lost)


def _clear(key: Text, node: Node, reading: _Reading) -> Clear | None:
    head = _key(key, reading)
    items = node.items if isinstance(node, Items) else (node,)
    if not all(isinstance(item, Text) and item.text for item in items):
        reading.say("E206", "clear is a list of elements: clear: period.end", node.at)
        return None
    return Clear(head, tuple(name for item in items if isinstance(item, Text) for name in _names(item))) if head else None


def _names(list_: Text) -> Iterator[Plain]:
    """The names of a list in one line, each with its place."""
    for found in re.finditer(r"[^,\s]+", list_.text):
        yield Plain(found[0], list_.at.part(found.start() + list_.quoted, found.end() + list_.quoted))


def _identity(node: Node | None, reading: _Reading) -> tuple[tuple[Formula, ...], Span]:
    if node is None:
        return (), NOWHERE
    if not isinstance(node, Text):
        reading.say("E206", "key is a list of fields: key: PID-3.1, PID-3.4", node.at)
        return (), node.at
    parts = grammar.keys(node.text.removeprefix("="), node.at)
    if isinstance(parts, Diagnostic):
        reading.found.append(parts)
        return (), node.at
    return parts, node.at


def _key(text: Text, reading: _Reading) -> Key | None:
    key = read_key(text.text, text.at)
    if isinstance(key, Diagnostic):
        reading.found.append(key)
        return None
    return key


def _body(node: Pairs, reading: _Reading) -> Body:
    rules: list[Rule] = []
    own: Formula | None = None
    for name, value in node:
        key = _key(name, reading)
        made = _value(value, reading)
        if key is None or made is None:
            continue
        if key.element != "=":
            rules.append(Rule(key, made))
        elif isinstance(made, Formula):
            own = made
        else:
            reading.say("E206", "=: takes a formula", name.at, "=: =PV1-19")
    return Body(tuple(rules), own, node.at)


def _value(node: Node, reading: _Reading) -> Value | None:
    if isinstance(node, Pairs):
        return _body(node, reading)
    if isinstance(node, Items):
        items = [_value(item, reading) for item in node.items]
        return Many(tuple(item for item in items if item is not None), node.at)
    if node.text.startswith("=") and node.text != "=":
        made = grammar.formula(node.text[1:], node.at.part(1, node.at.length))
        if isinstance(made, Diagnostic):
            reading.found.append(made)
            return None
        return replace(made, at=node.at)
    if not node.text and not node.quoted:
        reading.say("E206", "there is no value", node.at, "write a text, or a formula beginning with =")
        return None
    return Plain(node.text, node.at, node.quoted)
