"""What a message says anything in, and what its codes say: by this a mapping is narrowed to the message."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from itertools import compress

from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.segment import picking

_PLAIN = re.compile("[A-Za-z0-9]{1,8}")  # a code that is read as it stands
_FIELD_NAMES: dict[str, list[str]] = {}


def names_of(message: Er7) -> set[str]:
    """The names of the segments, groups and fields that say anything anywhere in the message: OBX, OBSERVATION, OBX-5; and of the
    fields that repeat: PID-3~.
    """
    if message.valued is None:
        found = message.valued = set(message.names)
        mark = message.delimiters.repetition
        for segment in message.segments:
            fields = segment.fields
            names = field_names(segment.name, len(fields))
            found.update(compress(names, fields))
            if mark in segment.line:
                found.update(f"{name}~" for name, text in zip(names, fields, strict=False) if mark in text)
    return message.valued


def texts_of(message: Er7, names: Iterable[str]) -> set[str]:
    """What coded fields hold anywhere in the message: OBX-2=NM; and OBX-2= where no more than that is to be known."""
    told: set[str] = set()
    for name in names:
        segment, _, field = name.partition("-")
        number = int(field)
        held = {fields[number] for _, one in message.named.get(segment, ()) if number < len(fields := one.fields)}
        held.discard("")
        if all(map(_PLAIN.fullmatch, held)):
            told.add(f"{name}=")
            told.update([f"{name}={text}" for text in held])
    return told


def shape_of(message: Er7, names: tuple[str, ...]) -> Hashable:
    """What the names and the texts of these fields follow from, quick to tell: messages of one shape have the same."""
    picks = _picks(names)
    found: set[Hashable] = {frozenset(message.names)}
    for segment in message.segments:
        fields = segment._fields or segment._split()
        pick = picks.get(segment.name)
        found.add((segment.name, bytes(map(bool, fields)), pick(fields) if pick is not None else None))
    mark = message.delimiters.repetition
    if message.text.count(mark) > 1:  # it stands in MSH-2 anyway
        for segment in message.segments:
            if mark in segment.line:
                fields = segment.fields
                found.add((segment.name, bytes(map(bool, fields)), bytes([mark in text for text in fields])))
    return frozenset(found)


@lru_cache(256)
def _picks(names: tuple[str, ...]) -> dict[str, Callable[[list[str]], Hashable]]:
    """By segment, what takes these fields out of all of its fields."""
    wanted: dict[str, set[int]] = {}
    for name in names:
        segment, _, field = name.partition("-")
        wanted.setdefault(segment, {0}).add(int(field))
    return {segment: picking(sorted(numbers)) for segment, numbers in wanted.items()}


def field_names(segment: str, count: int) -> list[str]:
    """`OBX-0`, `OBX-1` … at least so many."""
    known = _FIELD_NAMES.get(segment)
    if known is None or len(known) < count:
        known = [f"{segment}-{number}" for number in range(max(count, 64))]
        if len(_FIELD_NAMES) < 500:
            _FIELD_NAMES[segment] = known
    return known
