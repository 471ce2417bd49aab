"""Checks a message strictly against the standard's tables for its version, as hl7apy holds them; slow, for a worker process.

Checked are the order and presence of segments, required fields and components, repetitions, primitive data types, and the
codes of HL7 tables. Z-segments, fields beyond the standard's and withdrawn ones pass, as section 2.5.2 wants. Every finding
is a Fault whose place and code become ERR-2 and ERR-3 (table 0357). `check` takes bytes and gives plain values, so a
process pool can run it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from adapters.hl7v2 import er7
from adapters.hl7v2.datatypes import is_well_formed
from adapters.hl7v2.segment import NULL, Rep, Segment
from adapters.hl7v2.shape import Node, Slot, structure_name
from adapters.hl7v2.structure import Group, grow
from engine.fault import Fault, Kind

MAX_BYTES = 4 * 1024 * 1024
MAX_FAULTS = 100
_VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
_AROUND = ("FHS", "BHS", "BTS", "FTS")  # of a batch, not of the message
_OPEN_TABLES = ("HL70003", "HL70076", "HL70354", "HL70396", "HL70399")  # extensible, or lists of other bodies' codes


def check(raw: bytes) -> list[Fault]:
    """What is wrong with a message, in its order; empty when nothing is."""
    if len(raw) > MAX_BYTES:
        return [
            Fault(
                Kind.INCORRECT,
                "E128",
                f"messages of more than {MAX_BYTES} bytes are not checked",
                help="Take off `validate: strict`.",
            )
        ]
    message = er7.parse(raw)
    if isinstance(message, Fault):
        return [message]
    header = message.header
    library = _library(header.value(12))
    name = _structure(library, header.value(9, 1), header.value(9, 2), header.value(9, 3))
    if not name:
        return [
            Fault(
                Kind.UNSUPPORTED, "E142", "the standard has no such message in this version", "MSH-9", "See tables 0076 and 0003."
            )
        ]
    tree = grow(message, _tree(header.value(12), name))
    found = (fault for part in (_order(tree), _fields(message.segments, library)) for fault in part)
    return list(islice(found, MAX_FAULTS))


@lru_cache(maxsize=4)
def _library(version: str) -> Any:
    from hl7apy import load_library  # noqa: PLC0415  slow to import, and only this worker needs it

    return load_library(version if version in _VERSIONS else "2.8.2" if version >= "2.8" else "2.5.1")


def _structure(library: Any, code: str, event: str, declared: str) -> str:
    names = (declared, structure_name(code, event, ""), f"{code}_{event}", code)
    return next((name for name in names if name and name in library.MESSAGES), "")


# --- the order of segments ---


@lru_cache(maxsize=256)
def _tree(version: str, name: str) -> Node:
    root = Node("", None, False)
    _fill(root, _library(version).MESSAGES[name], name)
    return root


def _fill(node: Node, table: Any, root: str) -> None:
    for name, child, (least, most), kind in table[1]:
        repeats, short = most != 1, name.removeprefix(f"{root}_")
        if kind != "GRP":
            node.slots.append(Slot(name, least > 0, repeats, None))
        elif child[0] == "choice":
            node.slots += [Slot(one[0], False, repeats, None) for one in child[1] if one[3] != "GRP"]
        else:
            inner = Node(short, node, repeats)
            node.slots.append(Slot(short, least > 0, repeats, inner))
            _fill(inner, child, root)


def _order(group: Group) -> Iterator[Fault]:
    """Every item must stand at its slot or a later one, a second one only where it may repeat, and what is required must be
    there.
    """
    slots, at, seen = group.node.slots, -1, set[int]()
    for item in group.order:
        name = item.node.name if isinstance(item, Group) else item.name
        place = next((n for n, slot in enumerate(slots) if slot.name == name and (n > at or (n == at and slot.repeats))), None)
        if place is None:
            if not name.startswith("Z") and name not in _AROUND:
                yield _fault("E124", f"{name} is not expected here", _first(item))
        else:
            at = place
            seen.add(place)
        if isinstance(item, Group):
            yield from _order(item)
    for n, slot in enumerate(slots):
        if slot.required and n not in seen:
            what = f"the group {slot.name}" if slot.node else slot.name
            yield _fault("E124", f"{what} is missing{f' in {group.name}' if group.name else ''}", _needed(slot))


def _needed(slot: Slot) -> str:
    while slot.node is not None:
        slot = next((inner for inner in slot.node.slots if inner.required), slot.node.slots[0])
    return slot.name


def _first(item: Group | Segment) -> str:
    segment = next(item.everything()) if isinstance(item, Group) else item
    return f"{segment.name}[{segment.occurrence}]"


# --- fields and values ---


def _fields(segments: list[Segment], library: Any) -> Iterator[Fault]:
    counts: dict[str, int] = {}
    for segment in segments:
        name = segment.name
        counts[name] = counts.get(name, 0) + 1
        table = library.SEGMENTS.get(name)
        if table is None or name.startswith("Z") or len(table) < 2:
            continue
        for row in table[1]:
            if isinstance(row, (tuple, list)) and len(row) == 4:
                number = int(row[0].rsplit("_", 1)[1])
                yield from _field(segment, number, row[2], library.FIELDS[row[0]], f"{name}[{counts[name]}]-{number}", library)


def _field(segment: Segment, number: int, counts: Any, entry: Any, at: str, library: Any) -> Iterator[Fault]:
    least, most = counts
    if segment.name in ("MSH", "BHS", "FHS") and number <= 2:
        return
    reps = segment.repeats(number)
    if not reps:
        if least:
            yield _fault("E125", "a required field is missing", at)
        return
    if most == 1 and reps > 1:
        yield _fault("E128", "the field does not repeat", at)
    kind, table = entry[2], entry[4]
    if kind == "varies" and segment.name == "OBX":
        kind = segment.value(2)
        if not kind:
            yield _fault("E125", "OBX-5 is valued, so OBX-2 has to say its type", at.replace("-5", "-2"))
    for index in range(reps):
        rep = segment.rep(number, index)
        if rep is not None and rep.source != NULL:
            place = f"{at}[{index + 1}]" if reps > 1 else at
            yield from _value(rep, kind, table, place, library)


def _value(rep: Rep, kind: str, table: str | None, at: str, library: Any) -> Iterator[Fault]:
    components = library.DATATYPES_STRUCTS.get(kind)
    if components is None:
        yield from _primitive(rep.text if len(rep) == 1 else rep[1], kind, table, at, library)
        return
    for row in components:
        number = int(row[0].rsplit("_", 1)[1])
        child, least = row[1], row[2][0]
        if not rep.valued(number):
            if least:
                yield _fault("E125", "a required component is missing", f"{at}.{number}")
            continue
        inner = library.DATATYPES_STRUCTS.get(child[2])
        if inner is None:
            yield from _primitive(rep.whole(number), child[2], child[4], f"{at}.{number}", library)
            continue
        for sub in inner:
            place = int(sub[0].rsplit("_", 1)[1])
            text = rep.sub(number, place)
            if text:
                yield from _primitive(text, sub[1][2], sub[1][4], f"{at}.{number}.{place}", library)
            elif sub[2][0]:
                yield _fault("E125", "a required subcomponent is missing", f"{at}.{number}.{place}")


def _primitive(text: str, kind: str | None, table: str | None, at: str, library: Any) -> Iterator[Fault]:
    if not text or not kind:
        return
    if not is_well_formed(text, kind):
        yield _fault("E126", f"the value is no {kind}", at)
    elif kind == "ID" and table and table not in _OPEN_TABLES:
        codes = _codes(library, table)
        if codes and text not in codes and not (table == "HL70125" and _is_type(text, library)):
            yield _fault("E127", f"the code is not in HL7 table {table.removeprefix('HL7')}", at)


def _codes(library: Any, table: str) -> set[str]:
    """The codes of a table; entries such as `L,M,N` stand for several, and not every version has its tables there."""
    entries = getattr(library, "TABLES", {}).get(table, ("", ()))[1]
    return {code.strip(" _") for entry in entries for code in entry.split(",")}


def _is_type(text: str, library: Any) -> bool:
    """OBX-2 may name any data type of the version, though table 0125 does not list them all."""
    return text in library.DATATYPES_STRUCTS or text in library.get_base_datatypes()


def _fault(code: str, text: str, at: str) -> Fault:
    return Fault(Kind.INCORRECT, code, text, at, "See the standard for this version of the message.")
