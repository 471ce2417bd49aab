"""Writes ER7: a message as it was read gives its bytes back; a new one is built from segments of plain values, escaped.

The shape of a new message is a list of (segment name, {field: repetitions}); a repetition is a list of components, a
component a list of subcomponents, a subcomponent text or None for `""` (delete). Text or a flat list of texts may stand for
a field of one repetition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from adapters.hl7v2 import charset as charsets
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.escape import ABSENT, STANDARD, Delimiters, escape
from adapters.hl7v2.segment import HEADERS, NULL
from engine.fault import Fault, Kind

Sub = str | None


class Ready(str):
    """A repetition as it stands in a message with the standard's delimiters: its values are escaped, nothing is done to it again."""

    __slots__ = ()


Rows = Sequence[tuple[str, Mapping[int, Any]]]
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
MAX_FIELD = 999


def original(message: Er7) -> bytes:
    """The bytes a message was read from, put together from its segments."""
    text = message.lead + "".join(segment.line + segment.end for segment in message.segments)
    return text.encode(message.codec)


def message(rows: Rows, marks: Delimiters = STANDARD, charset: str = "") -> bytes | Fault:
    """A message from its segments. MSH-1, MSH-2 and, for text beyond ASCII, MSH-18 are set; `charset` is a name of table 0211."""
    lines = []
    for name, fields in rows:
        line = _segment(name, fields, marks)
        if isinstance(line, Fault):
            return line
        lines.append(line)
    text = "\r".join([*lines, ""])
    codec = charsets.codec_of(charset) if charset else ("ascii" if text.isascii() else "utf-8")
    if isinstance(codec, Fault):
        return codec
    try:
        body = text.encode(codec)
    except UnicodeEncodeError as wrong:
        at = text.count("\r", 0, wrong.start)
        return Fault(
            Kind.INCORRECT,
            "E136",
            f"a character cannot be written in {charset or codec}",
            lines[at][:3],
            "Use the charset UNICODE UTF-8.",
        )
    return body if text.isascii() and not charset else _declare(rows, marks, codec, body)


def _declare(rows: Rows, marks: Delimiters, codec: str, body: bytes) -> bytes | Fault:
    """Names the character set in MSH-18 unless the message does."""
    if not rows or rows[0][0] != "MSH" or 18 in rows[0][1]:
        return body
    name, fields = rows[0]
    head = _segment(name, {**fields, 18: charsets.name_of(codec)}, marks)
    return head if isinstance(head, Fault) else head.encode(codec) + body[body.index(b"\r") :]


def _segment(name: str, fields: Mapping[int, Any], marks: Delimiters) -> str | Fault:
    frame = _frame(name, tuple(fields), marks)
    if isinstance(frame, str):
        return frame % tuple([value if value.__class__ is Ready else _field(value, marks) for value in fields.values()])
    return frame or _header(name, fields, marks)


@lru_cache(maxsize=4096)
def _frame(name: str, numbers: tuple[int, ...], marks: Delimiters) -> str | Fault | None:
    """A segment with `%s` for each of these fields, told in rising order or not; None for one that states the delimiters."""
    if not _NAME.fullmatch(name):
        return Fault(Kind.INCORRECT, "E137", "a segment's name is three capitals or digits", name[:3])
    most = max(numbers, default=0)
    if most > MAX_FIELD or min(numbers, default=1) < 1:
        return Fault(Kind.INCORRECT, "E137", f"a field's number is 1 to {MAX_FIELD}", name)
    if name in HEADERS or list(numbers) != sorted(numbers):
        return None
    out = [""] * most
    for number in numbers:
        out[number - 1] = "%s"
    mark = "%%" if marks.field == "%" else marks.field
    return mark.join([name, *out])


def _header(name: str, fields: Mapping[int, Any], marks: Delimiters) -> str:
    """A segment whose fields come in any order; one that states the delimiters states these."""
    out = [""] * max(fields, default=0)
    for number, value in fields.items():
        out[number - 1] = value if value.__class__ is Ready else _field(value, marks)
    if name in HEADERS:
        encoding = "".join(mark for mark in marks[1:] if mark != ABSENT)
        return name + marks.field + marks.field.join([encoding, *out[2:]])
    return marks.field.join([name, *out])


def _field(value: Any, marks: Delimiters) -> str:
    if value is None or isinstance(value, str):
        return _sub(value, marks)
    if value and value[0].__class__ is Ready:
        return marks.repetition.join([_rep(rep, marks) for rep in value]) if len(value) > 1 else value[0]
    if value and all(item is None or isinstance(item, str) for item in value):
        return _rep(value, marks)
    return marks.repetition.join(_rep(rep, marks) for rep in value)


def ready(components: Sequence[Any]) -> Ready:
    """A list of components, each a text or a list of sub-components, escaped and put together."""
    if len(components) == 1 and components[0].__class__ is str:
        return Ready(escape(components[0]))
    return Ready(_components(components, STANDARD))


def _rep(value: Any, marks: Delimiters) -> str:
    if value.__class__ is Ready:
        return value
    if value is None or isinstance(value, str):
        return _sub(value, marks)
    try:
        return _kept(value, marks)
    except TypeError:  # a list
        return _components(value, marks)


def _components(value: Any, marks: Delimiters) -> str:
    return marks.component.join(_component(part, marks) for part in value).rstrip(marks.component)


_kept = lru_cache(maxsize=2048)(_components)  # codes and units come again and again


def _component(value: Any, marks: Delimiters) -> str:
    if value is None or isinstance(value, str):
        return _sub(value, marks)
    return marks.subcomponent.join(_sub(part, marks) for part in value).rstrip(marks.subcomponent)


def _sub(value: Sub, marks: Delimiters) -> str:
    return NULL if value is None else escape(value, marks)
