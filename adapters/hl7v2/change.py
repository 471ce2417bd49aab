"""A message with one field written anew, for the tests beside mappings: `OBX[2]-5` becomes a text, all other bytes stay."""

from __future__ import annotations

from adapters.hl7v2 import er7
from adapters.hl7v2.path import NOTATION
from adapters.hl7v2.segment import Segment
from engine.fault import Fault, Kind


def change(body: bytes, path: str, text: str) -> bytes | Fault:
    """The message with `text` at the path, as it would stand there on the wire; fields that are not there yet are made."""
    match = NOTATION.fullmatch(path)
    if match is None:
        return Fault(Kind.INCORRECT, "E130", f"`{path}` is not a path", help="A path is like OBX-3, PID-3[2].4.1 or OBX[2]-5.")
    message = er7.parse(body)
    if isinstance(message, Fault):
        return message
    nth, *places = (int(part or 0) for part in match.groups()[1:])
    found = [segment for segment in message.segments if segment.name == match[1]]
    if len(found) < max(nth, 1):
        return Fault(Kind.NOT_FOUND, "E351", f"the sample has no {match[1]}[{max(nth, 1)}]", help="choose a sample that has one")
    segment = found[max(nth, 1) - 1]
    line = _written(segment, places, text)
    changed = (one.line if one is not segment else line for one in message.segments)
    whole = message.lead + "".join(text + one.end for text, one in zip(changed, message.segments, strict=True))
    try:
        return whole.encode(message.codec)
    except UnicodeEncodeError:
        return Fault(Kind.INCORRECT, "E136", "a character cannot be written in the sample's character set", path)


def _written(segment: Segment, places: list[int], text: str) -> str:
    marks = segment._message.delimiters
    number, rep, comp, sub = places
    fields = list(segment.fields)
    fields += [""] * (number + 1 - len(fields))
    if rep or comp:
        fields[number] = _part(
            fields[number], marks.repetition, max(rep, 1), comp, sub, text, (marks.component, marks.subcomponent)
        )
    else:
        fields[number] = text
    header = segment.name in ("MSH", "BHS", "FHS")
    return fields[0] + marks.field + marks.field.join(fields[2:]) if header else marks.field.join(fields)


def _part(source: str, mark: str, number: int, comp: int, sub: int, text: str, below: tuple[str, ...]) -> str:
    """The text with part `number`, and within it a component or subcomponent, written anew."""
    parts = source.split(mark)
    parts += [""] * (number - len(parts))
    if comp and below:
        parts[number - 1] = _part(parts[number - 1], below[0], comp, sub, 0, text, below[1:])
    else:
        parts[number - 1] = text
    return mark.join(parts)
