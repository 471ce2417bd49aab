"""One segment of a message, split into fields when a field is read, and one repetition of a field, split when a component
is read.

Fields are numbered as in HL7 (MSH-1 counts), repetitions from 0, components and subcomponents from 1. Values come
unescaped, '' where absent. `""` means delete: it is not a value, and `null` tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from adapters.hl7v2.escape import unescape
from adapters.hl7v2.tables import is_primitive

if TYPE_CHECKING:
    from adapters.hl7v2.er7 import Er7

HEADERS = ("MSH", "BHS", "FHS")
NULL = '""'


class Rep:
    """One repetition of a field: what converters are given. `type` is its data type, '' when unknown."""

    __slots__ = ("_marks", "_message", "_parts", "source", "type")

    def __init__(self, source: str, message: Er7, type: str = "") -> None:
        self.source = source  # as it stands in the message, still escaped
        self._message = message
        self._marks = message.delimiters
        self._parts: list[str] | None = None
        self.type = type

    def __len__(self) -> int:
        """How many components stand here."""
        return len(self._parts or self._split())

    def __getitem__(self, component: int) -> str:
        """A component, from 1; its first subcomponent where its type has any, else all of its text."""
        parts = self._parts or self._split()
        if component > len(parts):
            return ""
        part = parts[component - 1]
        marks = self._marks
        if marks.subcomponent in part and not is_primitive(self.type, component):
            part = part.split(marks.subcomponent, 1)[0]
        return self._text(part) if marks.escape in part or part == NULL else part

    def sub(self, component: int, sub: int) -> str:
        """A subcomponent, both from 1."""
        parts = self._parts or self._split()
        if component > len(parts):
            return ""
        subs = parts[component - 1].split(self._marks.subcomponent)
        return self._text(subs[sub - 1]) if sub <= len(subs) else ""

    def whole(self, component: int) -> str:
        """All of a component's text, subcomponent delimiters and all."""
        parts = self._parts or self._split()
        return self._text(parts[component - 1]) if component <= len(parts) else ""

    def subs(self, component: int) -> list[str]:
        """All subcomponents of a component."""
        parts = self._parts or self._split()
        if component > len(parts):
            return []
        return [self._text(sub) for sub in parts[component - 1].split(self._marks.subcomponent)]

    def valued(self, component: int) -> bool:
        """True when the component says anything at all; `""` does not."""
        parts = self._parts or self._split()
        return component <= len(parts) and parts[component - 1].strip(self._marks.subcomponent) not in ("", NULL)

    @property
    def text(self) -> str:
        """The whole repetition, unescaped; delimiters that stand in it stay."""
        source = self.source
        if self._marks.escape not in source:
            return "" if source == NULL else source
        return unescape(source, self._marks, self._message.codec)

    @property
    def null(self) -> bool:
        """True for `""`: delete."""
        return self.source == NULL

    @property
    def zone(self) -> str:
        """The offset of MSH-7 (`-0400`), which holds for times without one; '' when it states none."""
        return self._message.zone

    @property
    def facility(self) -> str:
        """The sending facility: MSH-4.1, else MSH-4.2, else MSH-3.1."""
        return self._message.facility

    def _split(self) -> list[str]:
        self._parts = self.source.split(self._marks.component)
        return self._parts

    def _text(self, part: str) -> str:
        return "" if part == NULL else unescape(part, self._marks, self._message.codec)

    def __repr__(self) -> str:
        return f"<Rep {self.type or '?'} of {len(self)} components>"  # never the value: it may be a patient's


class Picked(NamedTuple):
    """Which repetition of which segment is looked at."""

    origin: Segment
    field: int
    rep: int


class Segment:
    """One segment. `line` is its text without the terminator `end`; `start` is its place in the decoded message."""

    __slots__ = ("_fields", "_message", "end", "index", "line", "name", "picked", "start", "stray")

    def __init__(self, name: str, line: str, end: str, start: int, index: int, message: Er7) -> None:
        self.name = name
        self.line = line
        self.end = end
        self.start = start
        self.index = index  # place in the message, from 0
        self.stray = False  # True when the structure does not have it where it stands
        self.picked: Picked | None = None
        self._message = message
        self._fields: list[str] | None = None

    def pick(self, field: int, rep: int) -> Segment:
        """This segment as seen from one repetition of a field: the others of that field are not there."""
        seen = Segment(self.name, self.line, self.end, self.start, self.index, self._message)
        seen.stray = self.stray
        seen.picked = Picked(self, field, rep)
        fields = list(self.fields)
        fields[field] = fields[field].split(self._message.delimiters.repetition)[rep]
        seen._fields = fields
        return seen

    @property
    def fields(self) -> list[str]:
        """The fields as they stand; index 0 holds the name."""
        return self._fields or self._split()

    @property
    def occurrence(self) -> int:
        """Which one of its name this is in the message, from 1."""
        return sum(other.name == self.name for other in self._message.segments[: self.index + 1])

    def repeats(self, field: int) -> int:
        """How many repetitions stand in a field; 0 when it is empty or absent."""
        text = self._field(field)
        if not text:
            return 0
        return 1 if self._is_delimiter(field) else text.count(self._message.delimiters.repetition) + 1

    def rep(self, field: int, rep: int = 0, type: str = "") -> Rep | None:
        """One repetition, or None when it is not there or empty."""
        text = self._field(field)
        marks = self._message.delimiters
        if marks.repetition in text and not self._is_delimiter(field):
            parts = text.split(marks.repetition)
            text = parts[rep] if rep < len(parts) else ""
        elif rep:
            return None
        return Rep(text, self._message, type) if text else None

    def value(self, field: int, rep: int = 0, comp: int = 1, sub: int = 1) -> str:
        """A subcomponent, unescaped; '' when absent or `""`."""
        if self._is_delimiter(field):
            return self._field(field)
        found = self.rep(field, rep)
        return found.sub(comp, sub) if found else ""

    def null(self, field: int, rep: int = 0) -> bool:
        """True when the repetition is `""`."""
        found = self.rep(field, rep)
        return found is not None and found.null

    def raw(self, field: int) -> bytes:
        """The bytes of a field, all its repetitions."""
        start, end = self.span(field)
        return self._message.raw[start:end]

    def span(self, field: int, rep: int | None = None, comp: int | None = None, sub: int | None = None) -> tuple[int, int]:
        """(start, end) in the message's bytes; an empty span where the field would stand when it is absent."""
        marks = self._message.delimiters
        fields = self.fields
        header = self.name in HEADERS
        if field >= len(fields):
            start = end = self.start + len(self.line)
        else:
            before = fields[:field]
            start = (
                self.start + sum(map(len, before)) + len(before) - (2 if header and field > 1 else 1 if header and field else 0)
            )
            end = start + len(fields[field])
            if not self._is_delimiter(field):
                steps = ((rep, marks.repetition, 0), (comp, marks.component, 1), (sub, marks.subcomponent, 1))
                for number, mark, base in steps:
                    if number is not None:
                        start, end = _part(self._message.text, start, end, mark, number - base)
        return self._message.to_bytes(start), self._message.to_bytes(end)

    def _field(self, field: int) -> str:
        fields = self._fields or self._split()
        return fields[field] if field < len(fields) else ""

    def _is_delimiter(self, field: int) -> bool:
        return field <= 2 and self.name in HEADERS

    def _split(self) -> list[str]:
        mark = self._message.delimiters.field
        fields = self.line.split(mark)
        if self.name in HEADERS and len(fields) > 1:
            fields.insert(1, mark)
        self._fields = fields
        return fields

    def __repr__(self) -> str:
        return f"<Segment {self.name} at {self.index}>"


def _part(text: str, start: int, end: int, mark: str, number: int) -> tuple[int, int]:
    """Where part `number` (from 0) between marks stands in text[start:end]; empty at the end when it is not there."""
    for _ in range(number):
        at = text.find(mark, start, end)
        if at < 0:
            return end, end
        start = at + len(mark)
    at = text.find(mark, start, end)
    return start, end if at < 0 else at


def picking(fields: Sequence[int]) -> Callable[[list[str]], tuple[str, ...]]:
    """What takes the fields of these numbers, at least two, rising; what a short segment lacks is empty."""
    get: Any = itemgetter(*fields)
    last = fields[-1]
    padding = [""] * (last + 1)

    def pick(texts: list[str]) -> Any:
        return get(texts if len(texts) > last else texts + padding)

    return pick
