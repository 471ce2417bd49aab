"""HL7 v2 as a format of the engine: bodies to groups of segments, and paths such as `OBX-3.1`, checked against the
standard's tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from adapters.hl7v2 import batch, er7
from adapters.hl7v2.change import change
from adapters.hl7v2.depends import Texts, together
from adapters.hl7v2.header import Header, read_header
from adapters.hl7v2.lead import leading
from adapters.hl7v2.mask import masked
from adapters.hl7v2.path import NOTATION, Hl7Path, Place
from adapters.hl7v2.shape import Node, is_structure, names, structure
from adapters.hl7v2.structure import Group, root
from adapters.hl7v2.tables import DEFAULT_VERSION, Entry, datatypes, segments
from adapters.hl7v2.writer import Item, write
from engine.diagnostic import nearest
from engine.fault import Fault, Kind
from engine.types import Envelope

_PID = re.compile(rb"[\r\n]PID([^A-Za-z0-9\r\n])")
_EVN = re.compile(rb"[\r\n]EVN[^A-Za-z0-9\r\n]([A-Z]\d\d)\b")
_ONLY = {"ORU": "R01", "ORM": "O01", "VXU": "V04"}  # what these messages were for while MSH-9 had no trigger event (v2.1, v2.2)


@dataclass(frozen=True, slots=True)
class Hl7v2:
    """The format `hl7v2`. `charset` overrides MSH-18, `fallback` is tried when bytes do not fit, `version` gives the data
    types.
    """

    media: ClassVar[str] = "application/hl7-v2"

    name: str = "hl7v2"
    charset: str | None = None
    fallback: str | None = None
    version: str = DEFAULT_VERSION

    def masked(self, body: bytes) -> str:
        """The message's shape without its values."""
        return masked(body)

    def envelope(self, body: bytes) -> Envelope | Fault:
        """Type, sender and control id from MSH, the order key from PID-3; nothing else is read."""
        header = read_header(body)
        if isinstance(header, Fault):
            return header
        return envelope_of(header, body)

    def split(self, body: bytes) -> tuple[bytes, ...] | Fault:
        """The messages of a file or batch, each byte as it came; a Fault when its counts do not agree."""
        found = batch.split(body)
        return found.fault or found.messages

    def parse(self, body: bytes) -> Group | Fault:
        """The message as a tree of groups."""
        message = er7.parse(body, self.charset, self.fallback)
        return message if isinstance(message, Fault) else root(message)

    def lead(self, paths: Sequence[Hl7Path]) -> Callable[[bytes], Group | Fault] | None:
        """What reads the beginning of a body, enough for the first value of each of these paths (see `lead`)."""
        return leading(paths, self.charset, self.fallback)

    def path(self, text: str, structure: str, group: str) -> Hl7Path | Fault:
        """Compiles a path as seen from inside `group` of a message structure: "" or a chain
        `ORDER_OBSERVATION/OBSERVATION/NTE`.
        """
        match = NOTATION.fullmatch(text)
        if match is None:
            dashed = re.sub(r"^([A-Z][A-Z0-9]{2}(?:\[\d+\])?)\.", r"\1-", text)  # OBX.3 as other engines write it
            help = f"Did you mean {dashed}?" if NOTATION.fullmatch(dashed) else "A path is like OBX-3, PID-3[2].4.1 or OBX[2]-5."
            return Fault(Kind.INCORRECT, "E130", f"`{text}` is not a path", help=help)
        name = match[1]
        place = Place(name, *(int(part or 0) for part in match.groups()[1:]))
        if 0 in (place.field, *(int(part) for part in match.groups()[1:] if part)):
            return Fault(
                Kind.INCORRECT, "E130", f"`{text}` counts from 0", help="Segments, repetitions and components count from 1."
            )
        inside = _inside(structure, group)
        if isinstance(inside, Fault):
            return inside
        if name.startswith("Z"):
            return Hl7Path(text, place, "", repeats=True).seen_from(inside)
        fields = segments().get(name)
        if fields is None:
            return Fault(Kind.NOT_FOUND, "E131", f"the standard has no segment {name}", help=_meant(name, segments()))
        entry = fields.get(place.field)
        if entry is None:
            return Fault(Kind.NOT_FOUND, "E132", f"{name} has no field {place.field}", help=f"{name} has {max(fields)} fields.")
        type = self._type(entry, place.comp, place.sub)
        if type is None:
            kind = entry.type(self.version)
            return Fault(
                Kind.NOT_FOUND,
                "E133",
                f"{name}-{place.field} is {kind}; it has no `{text.partition('.')[2]}`",
                help=_components(kind),
            )
        return Hl7Path(text, place, type, _repeats(entry, place, inside), entry.type(self.version)).seen_from(inside)

    def depends(self, paths: Sequence[Hl7Path]) -> Texts | None:
        """What the values of these paths follow from: the same texts in the same context mean the same values."""
        return together(paths)

    def noted(self, text: str) -> bool:
        """Whether a text can hardly be anything but a path, functions behind it."""
        return NOTATION.fullmatch(text.partition("|")[0].strip()) is not None

    def doubt(self, path: Hl7Path, word: str) -> str:
        """What to write instead of a comparison that never holds, as of a message's type with code and event in one; else ''."""
        code, mark, event = word.partition("^")
        if not mark or (path.place.segment, path.place.field) != ("MSH", 9):
            return ""
        return f"a comparison is with one component: MSH-9.1 = {code} and MSH-9.2 = {event.partition('^')[0]}"

    def structure(self, name: str) -> Fault | None:
        """None when there is such a message structure; else the fault that says what was meant."""
        inside = _inside(name, "")
        return inside if isinstance(inside, Fault) else None

    def group(self, name: str, structure: str, group: str) -> Fault | None:
        """None when, from inside `group`, there can be such groups, segments or fields; else the fault that says what was
        meant.
        """
        inside = _inside(structure, f"{group}/{name}".strip("/"))
        return inside if isinstance(inside, Fault) else None

    def strict(self, body: bytes) -> list[Fault]:
        """What the standard's own tables say against a message; slow, to be run in a worker."""
        from adapters.hl7v2.conformance import check  # noqa: PLC0415  loads hl7apy's tables

        return check(body)

    def change(self, body: bytes, path: str, text: str) -> bytes | Fault:
        """A message with one field written anew (see `change`)."""
        return change(body, path, text)

    def render(self, items: Sequence[Item], structure: str, at: datetime, control_id: str, **options: Any) -> bytes | Fault:
        """A message of that structure from segments and groups of plain values (see `writer`)."""
        return write(items, structure=structure, at=at, control_id=control_id, **options)

    def _type(self, entry: Entry, comp: int, sub: int) -> str | None:
        """The data type at the end of the path; None when no version has such a component."""
        types = [entry.type(self.version), *sorted(entry.ever(), reverse=True)]
        for number in (comp, sub):
            if number:
                types = [found for type in types for found in self._below(type, number)]
        return types[0] if types else None

    def _below(self, type: str, number: int) -> list[str]:
        if type in ("varies", ""):
            return ["ST"]
        parts = datatypes().get(type)
        if parts is None:
            return [type] if number == 1 else []
        return [parts[number].type(self.version)] if number in parts else []


def envelope_of(header: Header, body: bytes) -> Envelope:
    """The envelope of a message whose header has been read."""
    code = header.value(9, 1)
    kind = "^".join(filter(None, (code, header.value(9, 2) or (code and _event(header, body)))))
    sender = f"{header.raw(3)}|{header.raw(4)}"
    return Envelope(_clean(kind), _clean(sender), _clean(header.value(10)), _clean(_patient(body, header)))


def _event(header: Header, body: bytes) -> str:
    """The trigger event where MSH-9.2 is empty: of EVN-1, else of the structure, else the only one its code had; '' if none is
    known.
    """
    found = _EVN.search(body)
    if found is not None:
        return found[1].decode()
    return header.value(9, 3).partition("_")[2] or _ONLY.get(header.value(9, 1), "")


def _patient(body: bytes, header: Header) -> str:
    """PID-3.1 without parsing: the first identifier of the first PID."""
    at = body.find(b"\rPID|") if b"\n" not in body else -1
    odd = at < 0 or body.find(b"\rPID", 0, at) >= 0
    found = _PID.search(body) if odd else None
    if found is not None:
        at = found.start()
    elif odd:
        return ""
    fields = body[at + 4 : at + 4100].split(body[at + 4 : at + 5], 4)
    if len(fields) < 4:
        return ""
    line = fields[3].splitlines()[0] if fields[3] else b""
    return line.decode("latin-1").split(header.marks.repetition, 1)[0].split(header.marks.component, 1)[0]


def _clean(text: str) -> str:
    """Header text as stored: read as UTF-8 where it is that, without NUL, which a database text cannot hold."""
    if not text.isascii():
        with suppress(UnicodeError):
            text = text.encode("latin-1").decode("utf-8")
    return text.replace("\0", "")


def _inside(name: str, chain: str) -> Node | Fault:
    """The node of a structure that a chain of groups, segments and fields leads to."""
    if name and "Z" not in (name[0], name[4:5]) and not is_structure(name):
        return Fault(Kind.NOT_FOUND, "E134", f"the standard has no message structure {name}", help=_meant(name, names()))
    node = structure(name)
    for step in filter(None, chain.split("/")):
        ways = node.ways_to(step)
        found = _down(node, ways[0]) if ways else _one(node, step)
        if found is None:
            return Fault(Kind.NOT_FOUND, "E135", f"{name} has no group {step}", help=_meant(step, groups(name)))
        node = found
    return node


def _down(node: Node, way: tuple[str, ...]) -> Node:
    for step in way:
        node = next(slot.node for slot in node.slots if slot.node and slot.name == step)
    return node


def _one(node: Node, step: str) -> Node | None:
    """The inside of a segment or a field as seen from a group; None when there is none."""
    segment, _, field = step.partition("-")
    if segment.startswith("Z"):
        return node.inside(step) if re.fullmatch(r"Z[A-Z0-9]{2}(-\d+)?", step) else None
    if segment not in segments() or (field and (not field.isdigit() or int(field) not in segments()[segment])):
        return None
    route = node.route(segment)
    if route is None:
        return node.inside(step)
    for _ in range(route.ups):
        node = node.parent or node
    return _down(node, route.way).inside(step)


def groups(name: str) -> list[str]:
    """The names of all groups of a structure, from the outside in."""
    found: list[str] = []

    def walk(node: Node) -> None:
        for slot in node.slots:
            if slot.node:
                found.append(slot.name)
                walk(slot.node)

    walk(structure(name))
    return found


def _repeats(entry: Entry, place: Place, inside: Node) -> bool:
    if place.rep or inside.name == f"{place.segment}-{place.field}":
        return False
    return entry.most != 1 or (not place.nth and _segment_repeats(inside, place.segment))


def _segment_repeats(inside: Node, segment: str) -> bool:
    """True when, seen from the node, there can be several such segments."""
    node, route, repeats = inside, inside.route(segment), False
    if route is None:
        return False
    for _ in range(route.ups):
        node = node.parent or node
    for step in route.way:
        slot = next(slot for slot in node.slots if slot.name == step)
        repeats, node = repeats or slot.repeats, slot.node or node
    return repeats or any(slot.repeats for slot in node.slots if slot.name == segment)


def _meant(word: str, words: Iterable[str]) -> str:
    near = nearest(word, words)
    return f"Did you mean {near}?" if near else ""


def _components(type: str) -> str:
    parts = datatypes().get(type)
    return f"{type} has {max(parts)} components." if parts else f"{type} has no components."
