"""A message without its values: segments, fields and components stand, each value gives way to the kind of thing it is.

Names of segments are shown when they are such names; nothing else of a message is. For `isthmus tap`.
"""

from __future__ import annotations

import re

MOST = 200  # lines
_SEGMENT = re.compile(rb"[A-Z][A-Z0-9]{2}")
_NUMBER = re.compile(rb"[+-]?\d{1,15}(\.\d{1,15})?")
_TIME = re.compile(rb"\d{8}(\d{2}){0,3}(\.\d{1,6})?([+-]\d{4})?")


def masked(body: bytes) -> str:
    """The message's shape, a segment a line."""
    separators = body[3:8] if body[:3] in (b"MSH", b"FHS", b"BHS") and len(body) >= 8 else b"|^~\\&"
    field, rest = separators[:1], bytes(separators[1:])
    if field.isalnum() or not field.strip():
        return f"<{len(body)} bytes>"
    lines = [line for line in re.split(rb"[\r\n]+", body, maxsplit=MOST) if line]
    shown = [_line(line, field, rest) for line in lines[:MOST]]
    return "\n".join(shown + ([f"<{len(lines[MOST])} bytes more>"] if len(lines) > MOST else []))


def _line(line: bytes, field: bytes, rest: bytes) -> str:
    name, mark, values = line.partition(field)
    if not mark or not _SEGMENT.fullmatch(name):
        return f"<{len(line)} bytes>"
    fields = values.split(field)
    if name in (b"MSH", b"FHS", b"BHS"):
        fields[0] = b""
    return "|".join([name.decode(), *(_value(each, rest) for each in fields)])


def _value(value: bytes, rest: bytes) -> str:
    """A field: repetitions, components and subcomponents in the standard's own separators."""
    component, repetition, _, sub = (rest[n : n + 1] for n in range(4))
    for separator, shown in ((repetition, "~"), (component, "^"), (sub, "&")):
        if separator and separator in value:
            return shown.join(_value(each, rest) for each in value.split(separator))
    return kind(value)


def kind(value: bytes) -> str:
    """What kind of thing a value is."""
    if not value:
        return ""
    if value == b'""':
        return "<null>"
    if len(value) >= 8 and _TIME.fullmatch(value):
        return "<time>"
    if _NUMBER.fullmatch(value):
        return "<number>"
    return "<text>" if len(value) <= 200 else "<long text>"
